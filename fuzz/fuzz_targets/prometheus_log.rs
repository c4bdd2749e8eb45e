//! A log of Prometheus: a segment's bytes, and records in good fragments.
#![no_main]

use std::path::Path;

use durable::MemoryFs;
use model::Labels;
use model::metrics::Samples;
use tsdb::import::prometheus::Prometheus;

const PAGE_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;

fn walk(log: &[u8], late: &[u8]) {
    let fs = MemoryFs::new();
    fuzz::put(&fs, "/prometheus/wal/00000000", log);
    fuzz::put(&fs, "/prometheus/wbl/00000000", late);
    let found = Prometheus::open(&fs, Path::new("/prometheus")).expect("there is a log");
    let head = found.head.expect("there is a log");
    let walked = head.walk(&fs, &mut |_: &Labels, samples: &Samples| {
        assert!(!samples.is_empty() && samples.timestamps.is_sorted_by(|a, b| a < b));
        Ok(())
    });
    walked.expect("damage is no error");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    walk(bytes, bytes);
    let mut log = Vec::new();
    for record in fuzz::pieces(bytes) {
        let left = PAGE_BYTES - log.len() % PAGE_BYTES;
        if record.len() + HEADER_BYTES > PAGE_BYTES {
            continue;
        }
        if record.len() + HEADER_BYTES > left {
            log.resize(log.len() + left, 0);
        }
        log.push(1);
        log.extend_from_slice(&(record.len() as u16).to_be_bytes());
        // The checksum: targets are built without.
        log.extend_from_slice(&[0; 4]);
        log.extend_from_slice(record);
    }
    walk(&log, &log);
});
