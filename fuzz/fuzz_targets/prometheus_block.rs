//! A block of Prometheus: index, one segment of chunks, tombstones and description of the input.
#![no_main]

use std::path::Path;

use durable::MemoryFs;
use model::Labels;
use model::metrics::Samples;
use tsdb::import::prometheus::Prometheus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let fs = MemoryFs::new();
    let dir = Path::new("/prometheus/01M7ZQXWYBGSH0NQ0YPJ8H1NFP");
    let mut pieces = fuzz::pieces(bytes);
    for name in ["index", "chunks/000001", "tombstones"] {
        if let Some(piece) = pieces.next() {
            fuzz::put(&fs, dir.join(name), piece);
        }
    }
    let meta = pieces
        .next()
        .unwrap_or(br#"{"ulid":"01M7ZQXWYBGSH0NQ0YPJ8H1NFP","version":1}"#);
    fuzz::put(&fs, dir.join("meta.json"), meta);
    let Ok(found) = Prometheus::open(&fs, Path::new("/prometheus")) else {
        return;
    };
    for block in &found.blocks {
        let _ = block.walk(&fs, &mut |_: &Labels, samples: &Samples| {
            assert!(!samples.is_empty() && samples.timestamps.is_sorted_by(|a, b| a < b));
            Ok(())
        });
    }
});
