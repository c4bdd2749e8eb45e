//! Blocks give back what was put into them, whatever is asked.

mod corruption;
mod crash;
mod fixture;
mod matching;
mod round_trip;

use std::path::{Path, PathBuf};

use durable::MemoryFs;
use model::histogram::{Buckets, Counts, Histogram, Span as BucketSpan};
use model::metrics::{STALE_NAN, Samples};
use model::{Labels, StoreError};

use super::*;
use crate::codec::Effort;
use crate::random::Random;

/// Series in label order with their samples.
type Content = Vec<(Labels, Samples)>;

const DIR: &str = "/db/blocks";

fn fs() -> MemoryFs {
    let fs = MemoryFs::new();
    fs.create_dir_all(Path::new(DIR)).unwrap();
    fs
}

fn cache() -> Arc<BlockCache> {
    Arc::new(BlockCache::new(1 << 20))
}

fn meta_of(id: u64, content: &Content) -> BlockMeta {
    let times = |f: fn(&Samples) -> Option<i64>| content.iter().filter_map(move |(_, s)| f(s));
    let first = |s: &Samples| {
        let histogram = s.histograms.first().map(|(ms, _)| *ms);
        s.timestamps.first().copied().into_iter().chain(histogram).min()
    };
    let last = |s: &Samples| {
        let histogram = s.histograms.last().map(|(ms, _)| *ms);
        s.timestamps.last().copied().into_iter().chain(histogram).max()
    };
    BlockMeta {
        id,
        min_ms: times(first).min().unwrap_or(0),
        max_ms: times(last).max().unwrap_or(0) + 1,
        level: 1,
        ..BlockMeta::default()
    }
}

fn write(fs: &dyn Fs, id: u64, effort: Effort, content: &Content) -> Result<PathBuf, StoreError> {
    let mut writer = Writer::create(fs, Path::new(DIR), id, effort)?;
    for (labels, samples) in content {
        if let Err(error) = writer.add(labels, samples) {
            writer.abandon();
            return Err(error);
        }
    }
    writer.finish(meta_of(id, content))
}

fn block_of(fs: &MemoryFs, id: u64, effort: Effort, content: &Content) -> Arc<Block> {
    let dir = write(fs, id, effort, content).unwrap();
    Arc::new(Block::open(fs, &dir, &cache()).unwrap())
}

/// All that a block holds, by way of queries.
fn read_all(block: &Arc<Block>) -> Result<Content, StoreError> {
    let mut content = Vec::new();
    for series in block.select(&[], i64::MIN, i64::MAX)? {
        let mut samples = Samples::default();
        series.read(i64::MIN, i64::MAX, &mut samples)?;
        content.push((series.labels, samples));
    }
    Ok(content)
}

/// All that a block holds, from one end to the other.
fn read_through(block: &Arc<Block>) -> Result<Content, StoreError> {
    let mut reader = SeriesReader::new(Arc::clone(block))?;
    let mut content = Vec::new();
    let mut samples = Samples::default();
    while let Some(labels) = reader.next(&mut samples)? {
        content.push((labels, samples.clone()));
    }
    Ok(content)
}

/// Equal to the bit, whatever the NaN.
fn same(a: &Content, b: &Content) -> bool {
    let bits = |s: &Samples| s.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    a.len() == b.len()
        && a.iter().zip(b).all(|((la, a), (lb, b))| {
            la == lb
                && a.timestamps == b.timestamps
                && bits(a) == bits(b)
                && a.histograms == b.histograms
                && a.starts == b.starts
        })
}

/// What an exporter and its scraper make: some instances with the same metrics, their times shared, some series that
/// come and go, some with times of their own, a few native histograms.
fn exporter_like(seed: u64, instances: u64, samples: i64) -> Content {
    let mut random = Random::new(seed);
    let mut content = Vec::new();
    for instance in 0..instances {
        let shift = random.below(15_000) as i64;
        let grid: Vec<i64> = (0..samples)
            .map(|k| 1_700_000_000_000 + shift + k * 15_000)
            .collect();
        for metric in 0..12u64 {
            for mode in ["idle", "system", "user"].iter().take(1 + metric as usize % 3) {
                let labels = Labels::from_pairs([
                    ("__name__", format!("metric_{metric}").as_str()),
                    ("instance", &format!("host-{instance:03}:9100")),
                    ("job", "node"),
                    if metric % 3 > 0 {
                        ("mode", mode)
                    } else {
                        ("zone", "a")
                    },
                ]);
                content.push((labels, series_like(&mut random, metric, &grid)));
            }
        }
    }
    content.retain(|(_, samples)| !samples.is_empty());
    content.sort_by(|a, b| a.0.cmp(&b.0));
    content
}

fn series_like(random: &mut Random, metric: u64, grid: &[i64]) -> Samples {
    let mut samples = Samples::default();
    let mut total = 0.0;
    let from = if random.below(8) == 0 {
        random.below(grid.len() as u64) as usize
    } else {
        0
    };
    for (i, &ms) in grid.iter().enumerate().skip(from) {
        if metric == 5 && i % 70 == 0 {
            samples.starts.push(ms, ms - 90_000);
        }
        total += random.below(1000) as f64 / 8.0;
        match metric {
            0 => samples.push(ms, 1.0),
            1 => samples.push(ms, total),
            2 => samples.push(ms + random.below(2000) as i64, f64::from_bits(random.next())),
            3 if random.below(10) > 0 => {
                samples.push(ms, if random.below(9) == 0 { STALE_NAN } else { -0.0 })
            }
            4 => samples.histograms.push((ms, Arc::new(histogram(total as u64)))),
            _ => samples.push(ms, total.floor()),
        }
    }
    samples
}

fn histogram(total: u64) -> Histogram {
    Histogram {
        sum: total as f64 / 3.0,
        schema: 2,
        positive_spans: vec![BucketSpan {
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
