//! What series cost in the head, in memory (the process' resident set) and in CPU time, which a busy machine does not
//! distort: `cargo run --release -p tsdb --example head_cost [-- --lone]`.

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

/// CPU time of this thread in nanoseconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let time = stat.split(' ').next().and_then(|time| time.parse::<f64>().ok());
    time.unwrap_or_default()
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
    let mut creating = 0.0;
    for target in 0..targets {
        let new: Vec<NewSeries> = (0..width)
            .map(|i| NewSeries {
                labels: labels(target, i),
                timestamp_ms: target as i64,
            })
            .collect();
        let before = cpu();
        table.create(&new, &mut made);
        creating += cpu() - before;
        refs.extend(made.iter().filter_map(|series| series.ok()));
    }
    let series = refs.len() as f64;
    let created = resident();
    println!(
        "{targets} pages of {width}: {:.0} B a series ({:.0} by its own count), {:.0} ns to make one",
        (created - start) / series,
        table.bytes() as f64 / series,
        creating / series
    );
    let memtable = Memtable::new(Arc::clone(&table), 1);
    let mut report = AppendReport::default();
    let mut log = Vec::new();
    let (mut spent, mut logged) = (0.0, 0);
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
        let mut record = |record: &[u8], kind| {
            logged += record.len();
            if targets < 100 {
                log.push((kind, record.to_vec()));
            }
        };
        let before = cpu();
        for samples in samples.chunks(5000) {
            memtable.append(round as u64 + 1, samples, &Bounds::NONE, &mut record, &mut report);
        }
        spent += cpu() - before;
        drop(samples);
        memtable.set_sealable(round as u64 + 1);
        if [1, 8, 60, rounds].contains(&(round + 1)) {
            println!(
                "  {} samples a series: {:.0} B more ({:.0} by its own count), log {:.2} B and {:.1} ns a sample",
                round + 1,
                (resident() - created) / series,
                memtable.bytes() as f64 / series,
                logged as f64 / memtable.samples() as f64,
                spent / memtable.samples() as f64
            );
        }
    }
    let (before, clock) = (resident(), cpu());
    let mut samples = 0;
    let all = memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |_, of| {
        samples += of.len();
        Ok(())
    });
    println!(
        "  in the order of labels {samples} samples, {:.0} B more, {:.1} ns a sample: {}",
        (resident() - before) / series,
        (cpu() - clock) / samples as f64,
        all.is_ok()
    );
    let copy = Memtable::new(Arc::new(SeriesTable::new(Limits::default())), 1);
    let (mut replay, clock) = (copy.replay(), cpu());
    let all = log.iter().map(|(kind, record)| replay.apply(*kind, record));
    let samples: usize = all.filter_map(Result::ok).sum();
    println!(
        "  replay of {samples} samples: {:.1} ns a sample",
        (cpu() - clock) / samples as f64
    );
}

fn main() {
    let lone = std::env::args().any(|arg| arg == "--lone");
    if lone {
        measure(50_000, 1, 240);
    } else {
        measure(300, 507, 240);
        measure(20, 507, 240);
    }
}
