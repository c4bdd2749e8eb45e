//! Writes inputs that are right, for targets that find no way to one by themselves: into `corpus`, a folder a target.
//!
//!     RUSTFLAGS="--cfg fuzzing" cargo run --no-default-features --features tsdb --example seeds

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::Labels;
use model::histogram::Histogram;
use model::metrics::{AppendReport, HistogramRow, NewSeries, RefSample, SeriesRef};
use tsdb::codec::histogram::encode_histograms;
use tsdb::codec::{Effort, encode_timestamps, encode_values};
use tsdb::head::{Bounds, Limits, Memtable, SeriesTable};

/// Numbers that come out of a log's records, or files: each behind its length.
fn joined<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces
        .into_iter()
        .filter(|piece| piece.len() <= usize::from(u16::MAX))
    {
        out.extend_from_slice(&(piece.len() as u16).to_le_bytes());
        out.extend_from_slice(piece);
    }
    out
}

fn save(target: &str, name: &str, bytes: &[u8]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&dir).expect("a folder for the corpus");
    std::fs::write(dir.join(name), bytes).expect("a file of the corpus");
}

fn codec() {
    let values: Vec<f64> = (0..120).map(|i| f64::from(i * i) / 8.0).collect();
    let odd: Vec<f64> = (0..120).map(|i| (f64::from(i) / 7.0).sin()).collect();
    for (name, values) in [("decimals", values), ("floats", odd)] {
        for effort in [Effort::Fast, Effort::Best] {
            let mut input = (values.len() as u16).to_le_bytes().to_vec();
            encode_values(&values, effort, &mut input);
            save("codec_values", &format!("{name}-{effort:?}"), &input);
        }
    }
    let times: Vec<i64> = (0..200).map(|i| 1_700_000_000_000 + i * 15_000 + i % 7).collect();
    let mut input = (times.len() as u16).to_le_bytes().to_vec();
    encode_timestamps(&times, &mut input);
    save("codec_integers", "times", &input);
    for (name, step) in [("same", 0), ("rising", 1)] {
        let samples: Vec<_> = (0..20i64)
            .map(|k| (k * 1000, Arc::new(histogram(step * k as u64))))
            .collect();
        let mut input = vec![samples.len() as u8];
        encode_histograms(&samples, Effort::Best, &mut input);
        save("codec_histograms", name, &input);
    }
}

fn histogram(total: u64) -> Histogram {
    fuzz::blocks::histogram(total)
}

/// The records of two pages with rows, late samples and histograms.
fn log() {
    let table = Arc::new(SeriesTable::new(Limits::default()));
    let memtable = Memtable::new(Arc::clone(&table), 1);
    memtable.set_sealable(u64::MAX);
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut log = |record: &[u8], kind: u8| records.push([&[kind], record].concat());
    let mut report = AppendReport::default();
    for page in 0..2i64 {
        let series: Vec<NewSeries> = (0..6)
            .map(|i| NewSeries {
                labels: Labels::from_pairs([("__name__", format!("m{i}")), ("page", page.to_string())]),
                timestamp_ms: 1000 + page,
            })
            .collect();
        let mut refs = Vec::new();
        table.create(&series, &mut refs);
        let refs: Vec<SeriesRef> = refs.into_iter().map(|made| made.expect("no limit")).collect();
        for k in 0..40i64 {
            let timestamp_ms = 1000
                + if k % 9 == 8 {
                    (k - 5) * 15_000 + 1
                } else {
                    k * 15_000
                };
            let present = refs.iter().enumerate().filter(|(i, _)| k % 5 > 0 || i % 2 == 0);
            let samples: Vec<RefSample> = present
                .map(|(i, &series)| RefSample {
                    series,
                    timestamp_ms,
                    value: (i as i64 * k) as f64 / 4.0,
                })
                .collect();
            memtable.append(k as u64 + 1, &samples, &Bounds::NONE, &mut log, &mut report);
            if k % 10 == 0 {
                let row = HistogramRow {
                    series: refs[0],
                    timestamp_ms,
                    histogram: Arc::new(histogram(k as u64)),
                };
                memtable.append_histograms(k as u64 + 1, &[row], &Bounds::NONE, &mut log, &mut report);
            }
        }
    }
    for upto in [3, 10, records.len()] {
        save(
            "log_records",
            &format!("first-{upto}"),
            &joined(records.iter().take(upto).map(Vec::as_slice)),
        );
    }
}

fn block() {
    let fs = MemoryFs::new();
    let dir = fuzz::blocks::small(&fs);
    let files = ["meta", "index", "chunks"].map(|name| fs.read(&dir.join(name)).expect("it is there"));
    save("block_files", "small", &joined(files.iter().map(Vec::as_slice)));
}

/// What a real Prometheus wrote.
fn prometheus() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tsdb/testdata/prometheus");
    for folder in ["data", "checkpoint"].map(|name| testdata.join(name)) {
        for path in children(&folder) {
            let name = path
                .file_name()
                .expect("it has a name")
                .to_string_lossy()
                .into_owned();
            if path.join("meta.json").exists() {
                let files = ["index", "chunks/000001", "tombstones", "meta.json"];
                let files = files.map(|file| std::fs::read(path.join(file)).unwrap_or_default());
                save(
                    "prometheus_block",
                    &name,
                    &joined(files.iter().map(Vec::as_slice)),
                );
            } else if name == "wal" || name == "wbl" {
                for segment in children(&path).into_iter().filter(|path| path.is_file()) {
                    let bytes = std::fs::read(&segment).expect("testdata");
                    let written = bytes.len() - bytes.iter().rev().take_while(|b| **b == 0).count();
                    let segment = segment
                        .file_name()
                        .expect("it has a name")
                        .to_string_lossy()
                        .into_owned();
                    save(
                        "prometheus_log",
                        &format!("{name}-{segment}"),
                        &bytes[..written.min(1 << 16)],
                    );
                }
            }
        }
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("testdata");
    entries.map(|entry| entry.expect("testdata").path()).collect()
}

fn main() {
    codec();
    log();
    block();
    prometheus();
}
