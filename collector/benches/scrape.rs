//! What a scrape costs between the page and the store, for a page as node_exporter shows it: some 500 series.
//!
//! `cargo bench -p collector --bench scrape`; figures are for one sample.

use std::fmt::Write as _;
use std::hint::black_box;

use collector::config::{GlobalConfig, Located, ScrapeConfig, ScrapeJob, resolve};
use collector::exposition::{Event, Format, Parser};
use collector::scrape::{Batch, Rules, ScrapeCache, process};
use divan::Bencher;
use divan::counter::ItemsCount;
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef,
};
use model::{Labels, SeriesKey, StoreError};

fn main() {
    let page = page(1);
    let lines = series(&page);
    println!("{lines} series, {} B a series on the page", page.len() / lines);
    divan::main();
}

struct NoSink;

impl MetricSink for NoSink {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        refs.clear();
        refs.resize(keys.len(), SeriesRef::UNKNOWN);
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        refs.clear();
        refs.extend((1..=new.len() as u64).map(|i| Ok(SeriesRef(i))));
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        black_box(samples);
        Ok(AppendReport::default())
    }

    fn append_histograms(&self, _: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        Ok(AppendReport::default())
    }

    fn set_metadata(&self, _: &str, _: &Metadata) {}
}

/// The families of a node_exporter of four processors, four disks and as many network devices, written as Go writes
/// numbers: whole and small ones plain, large ones with a power of ten, seconds with many digits.
fn page(round: u64) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, labels: &[String], value: &dyn Fn(usize) -> String| {
        let _ = writeln!(
            out,
            "# HELP {name} Statistics of {name} as the kernel tells them."
        );
        let _ = writeln!(out, "# TYPE {name} {kind}");
        for (i, labels) in labels.iter().enumerate() {
            let _ = writeln!(out, "{name}{labels} {}", value(i));
        }
    };
    let large = |i: usize| format!("1.{}e+10", 667_357_491 + i as u64 * 7919 + round);
    let small = |i: usize| (i as u64 % 7 * round).to_string();
    let seconds = |i: usize| {
        format!(
            "{}.{:02}",
            81_234 + i as u64 * 311 + round,
            (i as u64 + round) % 100
        )
    };
    let cpu: Vec<String> = (0..4)
        .flat_map(|cpu| {
            [
                "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user",
            ]
            .map(|mode| format!("{{cpu=\"{cpu}\",mode=\"{mode}\"}}"))
        })
        .collect();
    family("node_cpu_seconds_total", "counter", &cpu, &seconds);
    let of = |label: &str, values: &[&str]| -> Vec<String> {
        values
            .iter()
            .map(|value| format!("{{{label}=\"{value}\"}}"))
            .collect()
    };
    let disks = of("device", &["nvme0n1", "nvme1n1", "sda", "dm-0"]);
    for what in [
        "reads_completed",
        "writes_completed",
        "read_bytes",
        "written_bytes",
        "io_now",
        "discards",
    ] {
        family(&format!("node_disk_{what}_total"), "counter", &disks, &large);
        family(
            &format!("node_disk_{what}_time_seconds_total"),
            "counter",
            &disks,
            &seconds,
        );
    }
    let devices = of("device", &["eth0", "lo", "docker0", "wg0"]);
    for way in ["receive", "transmit"] {
        for what in [
            "bytes",
            "packets",
            "errs",
            "drop",
            "fifo",
            "frame",
            "compressed",
            "multicast",
        ] {
            family(
                &format!("node_network_{way}_{what}_total"),
                "counter",
                &devices,
                &large,
            );
        }
    }
    let mounts: Vec<String> = ["/", "/boot", "/var/lib/containers", "/home"]
        .iter()
        .map(|mount| format!("{{device=\"/dev/nvme0n1p2\",fstype=\"ext4\",mountpoint=\"{mount}\"}}"))
        .collect();
    for what in [
        "avail_bytes",
        "files",
        "files_free",
        "free_bytes",
        "readonly",
        "size_bytes",
        "device_error",
    ] {
        family(&format!("node_filesystem_{what}"), "gauge", &mounts, &large);
    }
    let alone = [String::new()];
    for i in 0..200 {
        family(
            &format!("node_memory_Field{i}_bytes"),
            "gauge",
            &alone,
            &|_| match i % 3 {
                0 => small(i),
                _ => large(i),
            },
        );
    }
    out
}

fn series(page: &str) -> usize {
    page.lines().filter(|line| !line.starts_with('#')).count()
}

fn job() -> ScrapeJob {
    let text = "- job_name: node\n  metric_relabel_configs:\n  - {source_labels: [__name__], regex: 'go_.*', action: drop}\n";
    let configs: Vec<Located<ScrapeConfig>> = yaml::from_str(text).expect("a configuration");
    let jobs = resolve(&GlobalConfig::default(), &configs).expect("a job").jobs;
    jobs.into_iter().next().expect("one job")
}

fn scrape(cache: &mut ScrapeCache, job: &ScrapeJob, target: &Labels, page: &str, at: i64) -> usize {
    let mut batch = Batch::default();
    let rules = Rules::of(job, target);
    let (counts, result) = process(page.as_bytes(), Format::Text, cache, &rules, at, &mut batch);
    result.expect("a good page");
    batch.resolve(cache, at, &NoSink);
    batch.append(&NoSink).expect("a sink that takes all");
    counts.scraped
}

fn target() -> Labels {
    Labels::from_pairs([("instance", "ip-10-12-3-4.internal:9100"), ("job", "node")])
}

#[divan::bench]
fn first_scrape(bencher: Bencher<'_, '_>) {
    let (job, target, page) = (job(), target(), page(1));
    bencher
        .counter(ItemsCount::new(series(&page)))
        .bench(|| scrape(&mut ScrapeCache::default(), &job, &target, &page, 1));
}

#[divan::bench]
fn steady(bencher: Bencher<'_, '_>) {
    let (job, target) = (job(), target());
    let pages = [page(1), page(2), page(3)];
    let mut cache = ScrapeCache::default();
    let mut at = 0;
    bencher
        .counter(ItemsCount::new(series(&pages[0])))
        .bench_local(|| {
            at += 1;
            scrape(&mut cache, &job, &target, &pages[at % 3], at as i64)
        });
}

/// Every page has another order: the index is built each time.
#[divan::bench]
fn another_order(bencher: Bencher<'_, '_>) {
    let (job, target, page) = (job(), target(), page(1));
    let mut backwards: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    backwards.reverse();
    let pages = [page.clone(), backwards.join("\n") + "\n"];
    let mut cache = ScrapeCache::default();
    let mut at = 0;
    bencher.counter(ItemsCount::new(series(&page))).bench_local(|| {
        at += 1;
        scrape(&mut cache, &job, &target, &pages[at % 2], at as i64)
    });
}

#[divan::bench]
fn parser_alone(bencher: Bencher<'_, '_>) {
    let page = page(1);
    bencher.counter(ItemsCount::new(series(&page))).bench(|| {
        Parser::new(page.as_bytes(), Format::Text)
            .filter(|event| matches!(event, Ok(Event::Series(_))))
            .count()
    });
}
