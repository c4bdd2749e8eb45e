//! Folders that a real Prometheus left behind (`testdata/prometheus`, made by `make.py` there), whole and damaged.

mod damage;
mod logs;
mod promtool;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, MemoryFs, RealFs};
use model::histogram::{Buckets, CounterResetHint, Counts, Span};
use model::metrics::{STALE_NAN, Samples};
use model::{Histogram, Labels, StoreError};

use super::{Prometheus, Walked};

/// All samples by series and time; of several at one time the first.
#[derive(Default, PartialEq)]
struct Everything {
    floats: BTreeMap<Labels, BTreeMap<i64, f64>>,
    histograms: BTreeMap<Labels, BTreeMap<i64, Arc<Histogram>>>,
}

impl Everything {
    fn take(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError> {
        assert!(samples.timestamps.is_sorted_by(|a, b| a < b) && !samples.is_empty());
        assert!(samples.histograms.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(samples.timestamps.len(), samples.values.len());
        for sample in samples.iter() {
            let series = self.floats.entry(labels.clone()).or_default();
            series.entry(sample.timestamp_ms).or_insert(sample.value);
        }
        for (t, histogram) in &samples.histograms {
            let series = self.histograms.entry(labels.clone()).or_default();
            series.entry(*t).or_insert_with(|| Arc::clone(histogram));
        }
        Ok(())
    }

    /// As `promtool tsdb dump` says it.
    fn dump(&self) -> String {
        let mut out = String::new();
        for (labels, samples) in &self.floats {
            for (t, value) in samples {
                let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
                out.push_str(&format!("{{{}}} {:?} {t}\n", pairs.join(", "), value));
            }
        }
        out
    }
}

/// A dump with its values in Rust's spelling.
fn normal(dump: &str) -> String {
    let line = |line: &str| {
        let (rest, t) = line.rsplit_once(' ').expect("a time");
        let (labels, value) = rest.rsplit_once(' ').expect("a value");
        format!("{labels} {:?} {t}\n", value.parse::<f64>().expect("a float"))
    };
    dump.lines().map(line).collect()
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/prometheus")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(testdata(name)).expect("testdata")
}

fn walk(fs: &dyn Fs, dir: &Path) -> Result<(Everything, Vec<Walked>), StoreError> {
    let found = Prometheus::open(fs, dir)?;
    let mut everything = Everything::default();
    let mut walked = Vec::new();
    for block in &found.blocks {
        let mut last: Option<Labels> = None;
        let mut in_order = |labels: &Labels, samples: &Samples| {
            assert!(last.as_ref().is_none_or(|l| l <= labels), "label order");
            last = Some(labels.clone());
            everything.take(labels, samples)
        };
        walked.push(block.walk(fs, &mut in_order)?);
    }
    if let Some(head) = &found.head {
        walked.push(head.walk(fs, &mut |l: &Labels, s: &Samples| everything.take(l, s))?);
    }
    Ok((everything, walked))
}

/// The files of a folder in memory, where they can be damaged.
fn in_memory(dir: &Path) -> MemoryFs {
    fn copy(fs: &MemoryFs, dir: &Path) {
        fs.create_dir_all(dir).expect("memory");
        for entry in std::fs::read_dir(dir).expect("testdata") {
            let path = entry.expect("testdata").path();
            if path.is_dir() {
                copy(fs, &path);
            } else {
                put(fs, &path, &std::fs::read(&path).expect("testdata"));
            }
        }
    }
    let fs = MemoryFs::default();
    copy(&fs, dir);
    fs
}

fn put(fs: &dyn Fs, path: &Path, bytes: &[u8]) {
    fs.create(path).expect("memory").write_all(bytes).expect("memory");
}

fn named(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "node")])
}

fn start() -> i64 {
    text("start").trim().parse().expect("a number")
}

#[test]
fn a_folder_reads_as_promtool_dumps_it() {
    for folder in ["data", "checkpoint"] {
        let (everything, walked) = walk(&RealFs, &testdata(folder)).expect("readable");
        let (found, expected) = (everything.dump(), normal(&text(&format!("{folder}.dump"))));
        // The dump ends a series at its first histogram.
        let whole = |dump: &str| -> Vec<String> {
            dump.lines()
                .filter(|l| !l.contains("mixed"))
                .map(str::to_owned)
                .collect()
        };
        let (found, expected) = (whole(&found), whole(&expected));
        let other = found.iter().zip(&expected).find(|(a, b)| a != b);
        assert_eq!(other, None, "{folder}");
        assert_eq!(found.len(), expected.len(), "{folder}");
        assert!(found.len() > 1000, "{folder}");
        assert!(
            walked.iter().all(|w| w.damage.is_empty() && w.refused == 0),
            "{walked:?}"
        );
    }
}

#[test]
fn a_block_says_how_much_it_holds() {
    let found = Prometheus::open(&RealFs, &testdata("data")).expect("readable");
    let [block] = &found.blocks[..] else {
        panic!("one block");
    };
    let walked = block
        .walk(&RealFs, &mut |_: &Labels, _: &Samples| Ok(()))
        .expect("whole");
    assert_eq!(walked.series, block.meta.stats.num_series);
    // Twenty-one samples are deleted, and still in the chunks.
    assert_eq!(walked.samples, block.meta.stats.num_samples - 21);
}

#[test]
fn every_bit_of_a_float_comes_through() {
    let (everything, _) = walk(&RealFs, &testdata("data")).expect("readable");
    let bits: Vec<u64> = everything.floats[&named("odd")]
        .values()
        .map(|v| v.to_bits())
        .take(10)
        .collect();
    let expected = [
        0.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::from_bits(0x7ff8_0000_0000_0001),
        1e-320,
        f64::MAX,
        STALE_NAN,
        f64::from_bits(0x7ff8_dead_beef_0001),
        0.1,
    ];
    assert_eq!(bits, expected.map(f64::to_bits));
}

fn span(offset: i32, length: u32) -> Span {
    Span { offset, length }
}

#[test]
fn histograms_of_whole_counts_are_what_was_sent() {
    let (everything, _) = walk(&RealFs, &testdata("data")).expect("readable");
    let found = &everything.histograms[&named("latency")];
    assert_eq!(found.len(), 450);
    for (at, (t, histogram)) in found.iter().enumerate() {
        assert_eq!(*t, start() + at as i64 * 5000);
        let i = (at % 400) as u64;
        let expected = Histogram {
            schema: 1,
            reset_hint: histogram.reset_hint,
            zero_threshold: 2f64.powi(-128),
            sum: 18.5 + i as f64,
            positive_spans: vec![span(0, 2), span(1, 2)],
            negative_spans: vec![span(-2, 1)],
            custom_values: Vec::new(),
            counts: Counts::Integer(Buckets {
                count: 8 + 6 * i,
                zero_count: 2 + i,
                positive: vec![1 + i, 2 + i, 1 + i, 1 + i],
                negative: vec![1 + i],
            }),
        };
        assert_eq!(**histogram, expected, "sample {at}");
    }
    assert_eq!(found[&(start() + 5000)].reset_hint, CounterResetHint::NoReset);
}

#[test]
fn histograms_of_float_counts_are_what_was_sent() {
    let (everything, _) = walk(&RealFs, &testdata("data")).expect("readable");
    let found = &everything.histograms[&named("latency_float")];
    assert_eq!(found.len(), 450);
    for (at, histogram) in found.values().enumerate() {
        let i = (at % 400) as f64;
        let expected = Histogram {
            schema: 1,
            // Prometheus 2.42 forgot to write it down in one of its chunks.
            reset_hint: if (381..400).contains(&at) {
                histogram.reset_hint
            } else {
                CounterResetHint::Gauge
            },
            zero_threshold: 2f64.powi(-128),
            sum: 18.5 - i,
            positive_spans: vec![span(0, 2), span(3, 1)],
            negative_spans: Vec::new(),
            custom_values: Vec::new(),
            counts: Counts::Float(Buckets {
                count: 12.5 + i,
                zero_count: 2.25,
                positive: vec![1.5 + i, 2.5, 3.0],
                negative: Vec::new(),
            }),
        };
        assert_eq!(**histogram, expected, "sample {at}");
    }
}

#[test]
fn a_series_may_change_its_kind_and_end_in_between() {
    let (everything, _) = walk(&RealFs, &testdata("data")).expect("readable");
    let floats: Vec<i64> = everything.floats[&named("mixed")]
        .keys()
        .map(|t| (t - start()) / 5000)
        .collect();
    assert_eq!(floats, [6, 7, 8, 406, 407, 408]);
    let histograms = &everything.histograms[&named("mixed")];
    // Prometheus 2.42 takes the floats of a request first, after which older histograms are late and lost, but logged:
    // the block lacks the first six, the log does not.
    assert_eq!(histograms.len(), 438);
    assert!(histograms[&(start() + 405 * 5000)].is_stale());
    assert_eq!(histograms.values().filter(|h| h.is_stale()).count(), 1);
}

#[test]
fn a_block_that_another_replaces_is_left_out() {
    let dir = testdata("data");
    let fs = in_memory(&dir);
    let found = Prometheus::open(&fs, &dir).expect("readable");
    let old = &found.blocks[0].meta.ulid;
    let heir = dir.join("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    fs.create_dir_all(&heir).expect("memory");
    let meta = format!(
        r#"{{"ulid":"01ARZ3NDEKTSV4RRFFQ69G5FAV","minTime":1,"maxTime":2,"version":1,
        "compaction":{{"level":2,"sources":["{old}"],"parents":[{{"ulid":"{old}","minTime":1,"maxTime":2}}]}}}}"#
    );
    put(&fs, &heir.join("meta.json"), meta.as_bytes());
    let found = Prometheus::open(&fs, &dir).expect("readable");
    let names: Vec<&str> = found.blocks.iter().map(|b| b.meta.ulid.as_str()).collect();
    assert_eq!(names, ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]);
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let fs = MemoryFs::default();
    fs.create_dir_all(Path::new("/x")).expect("memory");
    assert!(matches!(
        Prometheus::open(&fs, Path::new("/x")),
        Err(StoreError::Invalid(_))
    ));
}
