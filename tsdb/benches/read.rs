//! What a query costs in the store: selecting series and reading their samples, with and without their labels.
//!
//! `cargo bench -p tsdb --bench read` fills a store as 100 node exporters of 507 series at 15 s intervals do in
//! `READ_BENCH_SCRAPES` (default 1200) scrapes, lets upkeep finish, and asks what dashboards ask; `READ_BENCH_TARGETS`
//! says how many exporters. With `READ_BENCH_DIR` it opens a store there instead. It prints processor time of the first asking and
//! the mean of those after it, in milliseconds, and for many samples nanoseconds a sample. Names given behind `--` choose which.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use durable::{Fs, RealFs};
use model::metrics::{
    MetricSink, MetricSnapshot, MetricStore, NewSeries, RefSample, Samples, SelectHints, SeriesRef,
};
use model::{Clock, Labels, ManualClock, MatchOp, Matcher, SystemClock};
use tsdb::{Options, Tsdb};

const SERIES: usize = 507;
const INTERVAL_MS: i64 = 15_000;
/// So often at least is asked, and so long.
const RUNS: usize = 3;
const ENOUGH_NS: u64 = 400_000_000;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Nanoseconds of processor this thread has had.
fn cpu_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Sixteen of each target's series are of one metric with two labels of its own, one is of its own, others six to a metric.
fn labels(target: usize, series: usize) -> Labels {
    let own = match series {
        0 => vec![("__name__", "node_load1".to_owned())],
        1..17 => vec![
            ("__name__", "node_cpu_seconds_total".to_owned()),
            ("cpu", ((series - 1) / 8).to_string()),
            ("mode", format!("mode{}", (series - 1) % 8)),
        ],
        _ => vec![
            ("__name__", format!("node_something_{}_total", series / 6)),
            ("device", format!("device{}", series % 6)),
        ],
    };
    let shared = [
        ("instance", format!("host-{target:05}:9100")),
        ("job", "node".to_owned()),
    ];
    Labels::from_pairs(own.into_iter().chain(shared))
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The next value of a series: four in ten never change, others count, measure or are floats.
fn advance(series: usize, value: &mut f64, random: &mut Random) {
    let step = random.next();
    match series % 20 {
        0..=8 => *value = ((*value * 100.0).round() + (step % 15) as f64 - 7.0) / 100.0,
        9..=12 => *value += (step % 50) as f64,
        13..=15 => {}
        16..=17 => *value = (*value + (step % 9) as f64 - 4.0).max(0.0),
        18 => *value = ((step % 2000) * 4096) as f64,
        _ => *value += (step >> 11) as f64 / (1u64 << 53) as f64,
    }
}

fn number(name: &str, default: usize) -> usize {
    let set = std::env::var(name).ok().and_then(|n| n.parse().ok());
    set.unwrap_or(default)
}

/// Opens a store as it is, or fills one; gives the time of the newest sample too.
fn store(dir: &Path) -> (Tsdb, i64) {
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    if let Some(given) = std::env::var_os("READ_BENCH_DIR") {
        let opened = Tsdb::open(fs, Path::new(&given), Options::default(), Arc::new(SystemClock));
        let tsdb = opened.expect("opens").0;
        tsdb.recover().expect("replays");
        let newest = std::env::var("READ_BENCH_END_MS")
            .ok()
            .and_then(|ms| ms.parse().ok());
        let newest = newest.or_else(|| tsdb.blocks().iter().map(|b| b.max_ms - 1).max());
        return (tsdb, newest.expect("samples"));
    }
    let (targets, scrapes) = (
        number("READ_BENCH_TARGETS", 100),
        number("READ_BENCH_SCRAPES", 1200) as i64,
    );
    let end_ms = (SystemClock.now_ms() - HOUR) / INTERVAL_MS * INTERVAL_MS;
    let start_ms = end_ms - (scrapes - 1) * INTERVAL_MS;
    let clock = Arc::new(ManualClock::at(start_ms));
    let tsdb = Tsdb::open(fs, dir, Options::default(), Arc::clone(&clock) as Arc<dyn Clock>)
        .expect("opens")
        .0;
    tsdb.recover().expect("nothing to replay");
    let mut refs: Vec<SeriesRef> = Vec::new();
    for target in 0..targets {
        let new: Vec<NewSeries> = (0..SERIES)
            .map(|series| NewSeries {
                labels: labels(target, series),
                timestamp_ms: start_ms,
            })
            .collect();
        let mut made = Vec::new();
        tsdb.create(&new, &mut made);
        refs.extend(made.into_iter().map(|made| made.expect("a series")));
    }
    let mut values = vec![0.0; refs.len()];
    let mut random = Random(42);
    let mut batch: Vec<RefSample> = Vec::new();
    for scrape in 0..scrapes {
        let timestamp_ms = start_ms + scrape * INTERVAL_MS;
        clock.set(timestamp_ms);
        for (refs, values) in refs.chunks(10 * SERIES).zip(values.chunks_mut(10 * SERIES)) {
            batch.clear();
            for (i, (series, value)) in refs.iter().zip(values).enumerate() {
                advance(i % SERIES, value, &mut random);
                batch.push(RefSample {
                    series: *series,
                    timestamp_ms,
                    value: *value,
                });
            }
            tsdb.append_samples(&batch).expect("appends");
        }
        while tsdb.step().expect("upkeep").is_some() {}
    }
    // With this the newest samples stay in memory, as they are in a store that is scraped.
    if std::env::var_os("READ_BENCH_LIVE").is_none() {
        for _ in 0..60 {
            clock.advance(1000);
            while tsdb.step().expect("upkeep").is_some() {}
        }
    }
    (tsdb, end_ms)
}

/// What is asked for.
struct Question {
    name: &'static str,
    matchers: Vec<Matcher>,
    /// From and to, before the newest sample.
    from_ms: i64,
    to_ms: i64,
    newest_only: bool,
    labels: bool,
}

fn questions() -> Vec<Question> {
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).expect("a matcher");
    let all = || vec![matcher("__name__", MatchOp::NotEqual, "")];
    let cpu = || vec![Matcher::equal("__name__", "node_cpu_seconds_total")];
    let load = || vec![Matcher::equal("__name__", "node_load1")];
    let one = || {
        vec![
            Matcher::equal("job", "node"),
            Matcher::equal("instance", "host-00003:9100"),
        ]
    };
    let regex = || {
        vec![
            matcher("__name__", MatchOp::Regex, "node_(cpu|load).*"),
            matcher("instance", MatchOp::Regex, "host-0000[0-4].*"),
        ]
    };
    let lookback = 5 * MINUTE - 1;
    let instant = |name, matchers, ago_ms: i64, labels| Question {
        name,
        matchers,
        from_ms: ago_ms + lookback,
        to_ms: ago_ms,
        newest_only: true,
        labels,
    };
    let range = |name, matchers, from_ms: i64| Question {
        name,
        matchers,
        from_ms,
        to_ms: 0,
        newest_only: false,
        labels: true,
    };
    vec![
        instant("count_all", all(), 0, false),
        instant("count_all_then", all(), HOUR, false),
        instant("inst_all_labels", all(), 0, true),
        instant("inst_metric", cpu(), 0, true),
        instant("inst_metric_then", cpu(), HOUR, true),
        instant("inst_regex", regex(), 0, true),
        instant("inst_one", one(), 0, true),
        range("range_cpu_1h", cpu(), HOUR + 5 * MINUTE),
        range("range_cpu_4h", cpu(), 4 * HOUR + 5 * MINUTE),
        range("range_load_4h", load(), 4 * HOUR + 5 * MINUTE),
        range("range_one_4h", one(), 4 * HOUR),
        range("range_all_4h", all(), 4 * HOUR),
    ]
}

fn ask(snapshot: &dyn MetricSnapshot, question: &Question, end_ms: i64) -> (usize, usize) {
    let hints = SelectHints {
        start_ms: end_ms - question.from_ms,
        end_ms: end_ms - question.to_ms,
        newest_only: question.newest_only,
        ..SelectHints::default()
    };
    let set = snapshot.select(&question.matchers, &hints).expect("a selection");
    let mut reader = set.reader(0..set.len());
    let mut samples = Samples::default();
    let (mut series, mut count) = (0, 0);
    while reader.next(&mut samples).expect("samples") {
        if question.labels {
            std::hint::black_box(set.labels(series).expect("labels"));
        }
        series += 1;
        count += samples.len();
    }
    (series, count)
}

fn measure(name: &str, chosen: &[String], mut run: impl FnMut() -> (usize, usize)) {
    if !chosen.is_empty() && !chosen.iter().any(|c| name.contains(c.as_str())) {
        return;
    }
    let began = cpu_ns();
    let found = run();
    let first = (cpu_ns() - began) as f64 / 1e6;
    // The clock of a thread's time ticks in milliseconds.
    let began = cpu_ns();
    let mut runs = 0;
    while runs < RUNS || (cpu_ns() - began < ENOUGH_NS && runs < 1000 * RUNS) {
        run();
        runs += 1;
    }
    let each = (cpu_ns() - began) as f64 / 1e6 / runs as f64;
    println!(
        "{name:<18} first {first:>7.0} ms  then {each:>8.3} ms  {:>6} series {:>9} samples  {:>7.2} ns a sample",
        found.0,
        found.1,
        each * 1e6 / found.1.max(1) as f64,
    );
}

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let dir = tempfile::tempdir().expect("a folder");
    let (tsdb, end_ms) = store(dir.path());
    println!(
        "{} blocks, resident {:.1} MiB",
        tsdb.blocks().len(),
        resident_mib()
    );
    for question in questions() {
        measure(question.name, &chosen, || {
            let snapshot = tsdb
                .snapshot(end_ms - question.from_ms, end_ms - question.to_ms)
                .expect("a snapshot");
            ask(&*snapshot, &question, end_ms)
        });
    }
    let one = [
        Matcher::equal("job", "node"),
        Matcher::equal("instance", "host-00003:9100"),
    ];
    measure("series_one_4h", &chosen, || {
        let snapshot = tsdb.snapshot(end_ms - 4 * HOUR, end_ms).expect("a snapshot");
        (snapshot.series(&one).expect("series").len(), 0)
    });
    measure("label_values", &chosen, || {
        let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).expect("a snapshot");
        (snapshot.label_values("instance", &[]).expect("values").len(), 0)
    });
    measure("label_names", &chosen, || {
        let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).expect("a snapshot");
        (snapshot.label_names(&[]).expect("names").len(), 0)
    });
    println!("resident {:.1} MiB", resident_mib());
}
