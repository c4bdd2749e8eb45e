//! The log's records as a crash leaves them: replayed, read, and flushed.
#![no_main]

use std::sync::Arc;

use durable::MemoryFs;
use model::metrics::Samples;
use tsdb::head::{Limits, Memtable, SeriesTable};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let memtable = Memtable::new(Arc::new(SeriesTable::new(Limits::default())), 1);
    memtable.set_sealable(u64::MAX);
    let mut replay = memtable.replay();
    for piece in fuzz::pieces(bytes) {
        let Some((&kind, record)) = piece.split_first() else {
            break;
        };
        // As recovery does: what follows may build on it.
        if replay.apply(kind, record).is_err() {
            break;
        }
    }
    memtable.freeze();
    let selection = memtable
        .selection(&[], u64::MAX, i64::MIN, i64::MAX)
        .expect("what was replayed reads");
    let mut reader = selection.reader();
    for series in 0..selection.len() {
        let mut samples = Samples::default();
        let read = reader.read(series, i64::MIN, i64::MAX, &mut samples);
        read.expect("what was replayed reads");
        assert!(samples.timestamps.is_sorted_by(|a, b| a < b));
        assert!(samples.histograms.is_sorted_by(|a, b| a.0 < b.0));
        let newest = reader.newest(series, i64::MIN, i64::MAX);
        let newest = newest.expect("what was replayed reads");
        assert!(newest.is_none_or(|(ms, _)| samples.timestamps.last() == Some(&ms)));
    }
    let mut all = Vec::new();
    let each = memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |labels, samples| {
        all.push((labels.clone(), samples.clone()));
        Ok(())
    });
    each.expect("what was replayed reads");
    assert!(
        all.is_sorted_by(|a, b| a.0 < b.0),
        "series come sorted, each once"
    );
    if all.iter().any(|(_, samples)| !samples.is_empty()) {
        let fs = MemoryFs::new();
        let dir = fuzz::blocks::write(&fs, &all).expect("what was replayed can be flushed");
        let cache = Arc::new(tsdb::BlockCache::new(1 << 20));
        let block = Arc::new(tsdb::Block::open(&fs, &dir, &cache).expect("what was written opens"));
        block.verify().expect("what was written is right");
    }
});
