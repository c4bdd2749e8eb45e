//! What takes the space of a store: by metric, by label, by pair.
//!
//! Reads the index of every block and no samples. Memory: a number for each series and each label value of the store,
//! and the text of [`MAX_PAIRS`] label pairs.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::StoreError;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::block::Block;

/// Pairs beyond these are not counted one by one.
const MAX_PAIRS: usize = 2_000_000;

/// A store in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Different series, over all blocks.
    pub series: u64,
    /// Series of all blocks together: one that is in three blocks counts three times.
    pub entries: u64,
    /// Samples.
    pub samples: u64,
    /// Bytes of all blocks.
    pub bytes: u64,
    /// By metric name.
    pub metrics: BTreeMap<String, MetricUse>,
    /// By label name.
    pub labels: BTreeMap<String, LabelUse>,
    /// Different series by label pair, as `name=value`.
    pub pairs: FxHashMap<String, u64>,
    /// Series that began or ended within the range of a block, by label pair.
    pub churn: FxHashMap<String, u64>,
    /// Pairs that were too many to be counted.
    pub pairs_left_out: bool,
}

/// What a metric takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricUse {
    /// Different series.
    pub series: u64,
    /// Samples.
    pub samples: u64,
    /// Its part of the blocks' bytes, of the index too: in proportion to what its samples take.
    pub bytes: u64,
}

/// What a label takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelUse {
    /// Different values.
    pub values: u64,
    /// The length of these values together.
    pub value_bytes: u64,
    /// Different series that have it.
    pub series: u64,
}

/// A series counts as churned in a block when its samples leave this part of the block's range out.
const CHURN_PART: i64 = 10;

impl Analysis {
    pub(super) fn of(blocks: &[Arc<Block>]) -> Result<Analysis, StoreError> {
        let mut analysis = Analysis::default();
        let (mut seen, mut values) = (FxHashSet::default(), FxHashSet::default());
        for block in blocks {
            analysis.add(block, &mut seen, &mut values)?;
        }
        analysis.series = seen.len() as u64;
        Ok(analysis)
    }

    fn add(
        &mut self,
        block: &Arc<Block>,
        seen: &mut FxHashSet<u64>,
        values: &mut FxHashSet<u64>,
    ) -> Result<(), StoreError> {
        let meta = block.meta();
        let all = block.select(&[], i64::MIN, i64::MAX)?;
        let spans: Vec<(i64, i64, u64)> = all.iter().filter_map(|s| s.span()).collect();
        let first_ms = spans.iter().map(|s| s.0).min().unwrap_or(0);
        let last_ms = spans.iter().map(|s| s.1).max().unwrap_or(0);
        let slack_ms = last_ms.saturating_sub(first_ms) / CHURN_PART;
        let chunk_bytes: u64 = all.iter().map(|s| s.chunk_bytes()).sum();
        self.bytes += meta.bytes;
        for series in &all {
            let (min_ms, max_ms, samples) = series.span().unwrap_or((first_ms, last_ms, 0));
            let new = seen.insert(series.labels.hash64());
            let churned =
                min_ms > first_ms.saturating_add(slack_ms) || max_ms < last_ms.saturating_sub(slack_ms);
            self.entries += 1;
            self.samples += samples;
            let metric = self
                .metrics
                .entry(series.labels.metric_name().to_owned())
                .or_default();
            metric.series += u64::from(new);
            metric.samples += samples;
            let part =
                u128::from(series.chunk_bytes()) * u128::from(meta.bytes) / u128::from(chunk_bytes.max(1));
            metric.bytes += part as u64;
            for (name, value) in series.labels.iter().filter(|_| new || churned) {
                self.pair(name, value, new, churned, values);
            }
        }
        Ok(())
    }

    fn pair(&mut self, name: &str, value: &str, new: bool, churned: bool, values: &mut FxHashSet<u64>) {
        let text = format!("{name}={value}");
        if new {
            let label = match self.labels.get_mut(name) {
                Some(label) => label,
                None => self.labels.entry(name.to_owned()).or_default(),
            };
            label.series += 1;
            if values.insert(hash(&text)) {
                label.values += 1;
                label.value_bytes += value.len() as u64;
            }
        }
        if self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&text) {
            self.pairs_left_out = true;
            return;
        }
        if churned {
            *self.churn.entry(text.clone()).or_default() += 1;
        }
        *self.pairs.entry(text).or_default() += u64::from(new);
    }
}

fn hash(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
