//! How much memory series take in the head, by the process' resident set: `cargo run --release -p tsdb --example head_memory`.

use std::sync::Arc;

use model::Labels;
use model::metrics::{AppendReport, NewSeries, RefSample, SeriesRef};
use tsdb::head::{Bounds, Limits, Memtable, SeriesTable};

fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or_default() * 4096.0
}

fn labels(target: usize, i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("node_some_metric_{}_total", i % 180)),
        ("device", format!("device-{}", i / 180)),
        ("mode", format!("{}", i % 8)),
        ("instance", format!("host-{target}.example.org:9100")),
        ("job", "node".to_owned()),
    ])
}

/// Series in pages of `width`, then rounds of samples; prints what each step takes.
fn measure(targets: usize, width: usize, rounds: usize) {
    let start = resident();
    let table = Arc::new(SeriesTable::new(Limits::default()));
    let (mut refs, mut made) = (Vec::new(), Vec::new());
    for target in 0..targets {
        let new: Vec<NewSeries> = (0..width)
            .map(|i| NewSeries {
                labels: labels(target, i),
                timestamp_ms: target as i64,
            })
            .collect();
        table.create(&new, &mut made);
        refs.extend(made.iter().filter_map(|series| series.ok()));
    }
    let series = refs.len() as f64;
    let created = resident();
    println!(
        "{targets} pages of {width}: {:.0} B a series ({:.0} by its own count)",
        (created - start) / series,
        table.bytes() as f64 / series
    );
    let memtable = Memtable::new(Arc::clone(&table), 1);
    let mut report = AppendReport::default();
    let mut logged = 0;
    for round in 0..rounds {
        let one = |(i, &series): (usize, &SeriesRef)| RefSample {
            series,
            timestamp_ms: round as i64 * 15_000 + (i / width) as i64,
            value: match i % 5 {
                0 | 1 => i as f64,
                2 => (round * (i % 100)) as f64,
                3 => (round * i) as f64 / 100.0,
                _ => ((round * 7919 + i) % 13) as f64,
            },
        };
        let samples: Vec<RefSample> = refs.iter().enumerate().map(one).collect();
        let mut log = |record: &[u8], _| logged += record.len();
        memtable.append(round as u64 + 1, &samples, &Bounds::NONE, &mut log, &mut report);
        drop(samples);
        memtable.set_sealable(round as u64 + 1);
        if [1, 8, 60, rounds].contains(&(round + 1)) {
            println!(
                "  {} samples a series: {:.0} B more ({:.0} by its own count), log {:.2} B a sample",
                round + 1,
                (resident() - created) / series,
                memtable.bytes() as f64 / series,
                logged as f64 / memtable.samples() as f64,
            );
        }
    }
    let before = resident();
    let mut samples = 0;
    let all = memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |_, of| {
        samples += of.len();
        Ok(())
    });
    println!(
        "  in the order of labels {samples} samples, {:.0} B more: {}",
        (resident() - before) / series,
        all.is_ok()
    );
}

fn main() {
    let lone = std::env::args().any(|arg| arg == "--lone");
    if lone {
        measure(50_000, 1, 240);
    } else {
        measure(300, 507, 240);
    }
}
