//! Blocks in memory: one that is right, and everything a reader may ask of one that is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::histogram::{Buckets, Counts, Histogram, Span};
use model::metrics::Samples;
use model::{Labels, MatchOp, Matcher, StoreError};
use tsdb::block::{SeriesReader, Writer};
use tsdb::codec::Effort;
use tsdb::{Block, BlockCache, BlockMeta};

/// The folder of blocks.
pub const DIR: &str = "/db/blocks";

/// Writes series in label order as a block.
///
/// # Errors
/// The writer's.
pub fn write(fs: &MemoryFs, series: &[(Labels, Samples)]) -> Result<PathBuf, StoreError> {
    fs.create_dir_all(Path::new(DIR)).expect("memory does not fail");
    let mut writer = Writer::create(fs, Path::new(DIR), 1, Effort::Fast)?;
    let (mut min_ms, mut max_ms) = (i64::MAX, i64::MIN);
    for (labels, samples) in series {
        writer.add(labels, samples)?;
        let histograms = samples.histograms.iter().map(|(ms, _)| *ms);
        for ms in samples.timestamps.iter().copied().chain(histograms) {
            min_ms = min_ms.min(ms);
            max_ms = max_ms.max(ms.saturating_add(1));
        }
    }
    writer.finish(BlockMeta {
        id: 1,
        min_ms,
        max_ms,
        level: 1,
        ..BlockMeta::default()
    })
}

/// A block of a few series of every kind.
pub fn small(fs: &MemoryFs) -> PathBuf {
    let mut series = Vec::new();
    for i in 0..12i64 {
        let labels = Labels::from_pairs([
            ("__name__", format!("metric_{}", i / 4)),
            ("instance", format!("host-{}", i % 4)),
            ("job", "node".to_owned()),
        ]);
        let mut samples = Samples::default();
        for k in 0..40 {
            let ms = 1_700_000_000_000 + 15_000 * k + if i % 4 == 3 { 7 * i + k % 5 } else { 0 };
            match i % 4 {
                0 => samples.push(ms, 1.0),
                1 => samples.push(ms, (i * k * k) as f64 / 8.0),
                2 => samples.push(
                    ms,
                    f64::from_bits((ms as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                ),
                _ => samples.histograms.push((ms, Arc::new(histogram(k as u64)))),
            }
            if k % 20 == 0 {
                samples.starts.push(ms, ms - 60_000);
            }
        }
        series.push((labels, samples));
    }
    series.sort_by(|a, b| a.0.cmp(&b.0));
    write(fs, &series).expect("a right block is written")
}

/// A valid native histogram.
pub fn histogram(total: u64) -> Histogram {
    Histogram {
        sum: total as f64 / 3.0,
        schema: 2,
        positive_spans: vec![Span {
            offset: -1,
            length: 2,
        }],
        counts: Counts::Integer(Buckets {
            count: 2 + total + total / 2,
            zero_count: 2,
            positive: vec![total, total / 2],
            negative: Vec::new(),
        }),
        ..Histogram::stale()
    }
}

/// Asks a block everything; neither answer matters, only that there is one.
pub fn ask(fs: &MemoryFs, dir: &Path) {
    let Ok(block) = Block::open(fs, dir, &Arc::new(BlockCache::new(1 << 20))) else {
        return;
    };
    let block = Arc::new(block);
    let _ = block.verify();
    let regex = Matcher::new("instance", MatchOp::Regex, "host-[12].*").expect("a regex");
    let absent = Matcher::new("instance", MatchOp::NotEqual, "host-1").expect("a matcher");
    for matchers in [
        &[][..],
        &[regex.clone()],
        &[Matcher::equal("job", "node"), absent],
    ] {
        let mut samples = Samples::default();
        for series in block.select(matchers, i64::MIN, i64::MAX).unwrap_or_default() {
            samples.clear();
            let _ = series.read(i64::MIN, i64::MAX, &mut samples);
            samples.clear();
            let _ = series.read(1_700_000_100_000, 1_700_000_200_000, &mut samples);
        }
    }
    for name in block.label_names().unwrap_or_default() {
        let _ = block.label_values(&name, None);
        let _ = block.label_values(&name, Some(&regex));
        let _ = block.label_cardinality(&name);
    }
    if let Ok(mut reader) = SeriesReader::new(Arc::clone(&block)) {
        let mut samples = Samples::default();
        while let Ok(Some(_)) = reader.next(&mut samples) {}
    }
}
