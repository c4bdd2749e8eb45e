//! The log of exemplars: a segment's bytes, and records in good frames. Opened, asked, written to and opened again.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use durable::{Fs, MemoryFs, frame};
use model::exemplar::{ExemplarRow, ExemplarSink, ExemplarStore};
use model::{Exemplar, Labels, Matcher};
use tsdb::exemplar::{ExemplarOptions, Exemplars};

const MAGIC: &[u8; 8] = b"MHLOG\x00\x00\x01";

fn open(fs: &MemoryFs) -> Exemplars {
    let fs: Arc<dyn Fs> = Arc::new(fs.clone());
    Exemplars::open(fs, Path::new("/db/exemplars"), ExemplarOptions::default()).expect("damage is no error")
}

fn run(segments: &[Vec<u8>]) {
    let fs = MemoryFs::new();
    for (i, segment) in segments.iter().enumerate() {
        fuzz::put(&fs, format!("/db/exemplars/{:010}.log", i + 1), segment);
    }
    let exemplars = open(&fs);
    let row = ExemplarRow {
        series: Labels::from_pairs([("__name__", "one_more")]),
        exemplar: Exemplar {
            labels: Labels::from_pairs([("trace_id", "abc")]),
            value: 1.0,
            timestamp_ms: 5,
        },
        own_timestamp: true,
    };
    let report = exemplars.append_exemplars(&[row]).expect("memory does not fail");
    let everything = |exemplars: &Exemplars| {
        let all = exemplars.select_exemplars(&[vec![]], i64::MIN, i64::MAX, 0);
        format!("{:?}", all.expect("what was opened reads"))
    };
    let found = everything(&exemplars);
    let _ = exemplars.select_exemplars(&[vec![Matcher::equal("__name__", "a")]], 0, 1000, 10);
    if report.stored == 1 {
        assert!(found.contains("one_more"));
    }
    drop(exemplars);
    let exemplars = open(&fs);
    assert_eq!(everything(&exemplars), found);
    exemplars.maintain(i64::MAX).expect("memory does not fail");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    run(&[[MAGIC, bytes].concat()]);
    let mut segments = vec![MAGIC.to_vec()];
    for piece in fuzz::pieces(bytes) {
        match piece.split_first() {
            Some((&kind, payload)) if kind < 200 => {
                let segment = segments.last_mut().expect("there is one");
                frame::encode(kind % 4, payload, segment);
            }
            _ => segments.push(MAGIC.to_vec()),
        }
    }
    run(&segments);
});
