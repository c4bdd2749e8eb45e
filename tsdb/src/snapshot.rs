//! What a query runs on: one moment of memtables and blocks.
//!
//! A snapshot holds a [`Lease`]: it sees the batches visible when it was taken, whatever is appended, flushed or
//! compacted meanwhile. Selecting resolves the matchers in each place, brings what was found into the order of labels,
//! and reads samples only as the caller goes on. Only for names and values asked without matchers does a memtable
//! answer with the labels of all series that are alive now.
//!
//! What is erased ([`crate::tombstone`]) is left out: a block that may hold some of it is found by its times, and only
//! there series are asked one by one. Of what is in memory only retention by matcher hides anything, and not its labels.

mod resolution;
mod select;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::metrics::{MetricSnapshot, SelectHints, SeriesSet, Wanted};
use model::{Labels, Matcher, StoreError};

use crate::block::Block;
use crate::downsample::{AGGREGATE, aggregates};
use crate::store::Generation;
use crate::tombstone::{Erased, Intervals};
use crate::view::Lease;
use resolution::{Coverage, Resolution};
use select::{Candidate, Place, Selection, group};

/// An immutable view between two times.
pub(crate) struct Snapshot {
    start_ms: i64,
    end_ms: i64,
    lease: Arc<Lease>,
    erased: Erased,
    /// Whether series were deleted that are still alive in memory, so that its labels are those of its samples only.
    exact: bool,
    /// Where there are single samples and where not, if anything is downsampled.
    coverage: Option<Coverage>,
    /// What is erased of downsampled blocks.
    erased_downsampled: Erased,
}

impl Snapshot {
    pub(crate) fn new(start_ms: i64, end_ms: i64, lease: Lease, erased: Erased, exact: bool) -> Self {
        Snapshot {
            start_ms,
            end_ms,
            coverage: Coverage::of(&lease.view, &erased),
            erased_downsampled: erased.at(1),
            lease: Arc::new(lease),
            erased,
            exact,
        }
    }

    /// The blocks of single samples that reach into a range, the oldest first.
    fn blocks(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Arc<Block>> {
        self.blocks_at(0, start_ms, end_ms)
    }

    /// The same of a resolution.
    fn blocks_at(&self, resolution_ms: i64, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Arc<Block>> {
        let within = move |b: &&Arc<Block>| {
            let meta = b.meta();
            meta.resolution_ms == resolution_ms && meta.min_ms <= end_ms && meta.max_ms > start_ms
        };
        self.lease.view.blocks.iter().filter(within)
    }

    /// How a range is answered.
    fn resolution(&self, start_ms: i64, end_ms: i64, max_resolution_ms: i64) -> Resolution {
        Resolution::choose(self.coverage.as_ref(), start_ms, end_ms, max_resolution_ms)
    }

    /// The downsampled blocks that the snapshot's whole range needs: what there are no single samples of.
    fn downsampled(&self) -> Vec<&Arc<Block>> {
        let parts = self.resolution(self.start_ms, self.end_ms, 0).parts;
        let mut blocks: Vec<&Arc<Block>> = Vec::new();
        for part in parts {
            let more = self.blocks_at(part.resolution_ms, part.start_ms, part.end_ms - 1);
            blocks.extend(more);
        }
        blocks.sort_by_key(|b| b.meta().id);
        blocks.dedup_by_key(|b| b.meta().id);
        blocks
    }

    /// Adds the downsampled series that satisfy the matchers, without the label that says what they are.
    fn downsampled_candidates(
        &self,
        matchers: &[Matcher],
        resolution: &Resolution,
        wanted: Wanted,
        found: &mut Vec<Candidate>,
    ) -> Result<(), StoreError> {
        let Some(coverage) = &self.coverage else {
            return Ok(());
        };
        let mut matchers = matchers.to_vec();
        for (resolution_ms, _) in &coverage.downsampled {
            let Some((start_ms, end_ms)) = resolution.reach(*resolution_ms) else {
                continue;
            };
            let mut blocks: Vec<_> = self.blocks_at(*resolution_ms, start_ms, end_ms).collect();
            // Their windows are put together in this order.
            blocks.sort_by_key(|b| b.meta().min_ms);
            for &aggregate in aggregates(wanted) {
                matchers.push(Matcher::equal(AGGREGATE, aggregate.as_str()));
                for block in &blocks {
                    let series = block.select(&matchers, start_ms, end_ms)?;
                    let erased = self.erased_of(block);
                    let reached = erased.reaches(block.meta());
                    found.extend(series.into_iter().map(|series| Candidate {
                        labels: series.labels.filtered(|name| name != AGGREGATE),
                        place: Place::Downsampled {
                            lost: match reached {
                                true => erased.of(&series.labels, block.meta().id),
                                false => Intervals::default(),
                            },
                            series,
                            aggregate,
                            resolution_ms: *resolution_ms,
                        },
                    }));
                }
                matchers.pop();
            }
        }
        Ok(())
    }

    /// The memtables that reach into a range, the oldest first.
    fn generations(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Arc<Generation>> {
        let within = move |g: &&Arc<Generation>| {
            g.memtable.oldest_ms().is_some_and(|ms| ms <= end_ms)
                && g.memtable.newest_ms().is_some_and(|ms| ms >= start_ms)
        };
        self.lease.view.generations.iter().filter(within)
    }

    /// Series that satisfy the matchers and may have samples in the range, sorted by labels, then by age of where
    /// they lie. At most `max` label sets, 0 for no bound.
    fn candidates(
        &self,
        matchers: &[Matcher],
        (start_ms, end_ms): (i64, i64),
        (resolution, wanted): (&Resolution, Wanted),
        max: u64,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut found = Vec::new();
        self.downsampled_candidates(matchers, resolution, wanted, &mut found)?;
        let mut places = found.len();
        for block in self.blocks(start_ms, end_ms) {
            places += 1;
            let whole = start_ms <= block.meta().min_ms && end_ms >= block.meta().max_ms - 1;
            let series = block.select(matchers, start_ms, end_ms)?;
            let reached = self.erased.reaches(block.meta());
            found.extend(series.into_iter().filter_map(|series| {
                let lost = match reached {
                    true => self.erased.of(&series.labels, block.meta().id),
                    false => Intervals::default(),
                };
                (!lost.covers(start_ms, end_ms)).then(|| Candidate {
                    labels: series.labels.clone(),
                    place: Place::Block { series, whole, lost },
                })
            }));
        }
        for generation in self.generations(start_ms, end_ms) {
            places += 1;
            let visible = self.lease.visible;
            let series = generation.memtable.select(matchers, visible, start_ms, end_ms)?;
            let oldest_ms = generation.memtable.oldest_ms().unwrap_or(i64::MIN);
            let reached = self.erased.reaches_times(u64::MAX, oldest_ms, i64::MAX);
            found.extend(series.into_iter().filter_map(|series| {
                let lost = match reached {
                    true => self.erased.of(&series.labels, u64::MAX),
                    false => Intervals::default(),
                };
                (!lost.covers(start_ms, end_ms)).then(|| Candidate {
                    labels: series.labels.clone(),
                    place: Place::Head {
                        generation: Arc::clone(generation),
                        series,
                        lost,
                    },
                })
            }));
        }
        if places > 1 {
            // Stable, so that of one label set the oldest place stays in front; quick, for there are only so many
            // runs that are sorted already.
            found.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        let too_many = max > 0
            && found.len() as u64 > max
            && found.chunk_by(|a, b| a.labels == b.labels).count() as u64 > max;
        if too_many {
            return Err(StoreError::Limit {
                what: "series",
                limit: max,
            });
        }
        Ok(found)
    }

    /// The labels of a block's series that satisfy the matchers, where some may be erased.
    fn left(&self, block: &Arc<Block>, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let (start_ms, end_ms) = (self.start_ms, self.end_ms);
        let erased = self.erased_of(block);
        let reached = erased.reaches(block.meta());
        let mut found = Vec::new();
        for series in block.select(matchers, start_ms, end_ms)? {
            let lost = match reached {
                true => erased.of(&series.labels, block.meta().id),
                false => Intervals::default(),
            };
            if lost.is_empty() || select::remains(&series, &lost, start_ms, end_ms)? {
                found.push(series.labels);
            }
        }
        Ok(found)
    }

    /// Whether a block's index answers for its series: nothing in it is erased.
    fn is_whole(&self, block: &Arc<Block>) -> Result<bool, StoreError> {
        let erased = self.erased_of(block);
        Ok(!erased.reaches(block.meta()) || !erased.touches(block)?)
    }

    /// What is erased of a block.
    fn erased_of(&self, block: &Block) -> &Erased {
        match block.meta().resolution_ms {
            0 => &self.erased,
            _ => &self.erased_downsampled,
        }
    }

    fn range(&self, hints: &SelectHints) -> (i64, i64) {
        (hints.start_ms.max(self.start_ms), hints.end_ms.min(self.end_ms))
    }
}

impl MetricSnapshot for Snapshot {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        let (start_ms, end_ms) = self.range(hints);
        let resolution = self.resolution(start_ms, end_ms, hints.max_resolution_ms);
        let how = (&resolution, hints.wanted);
        let candidates = self.candidates(matchers, (start_ms, end_ms), how, hints.max_series)?;
        Ok(Box::new(Selection::new(
            candidates,
            Arc::clone(&self.lease),
            resolution,
            hints.wanted,
        )))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let range = (self.start_ms, self.end_ms);
        let resolution = self.resolution(self.start_ms, self.end_ms, 0);
        let candidates = self.candidates(matchers, range, (&resolution, Wanted::Last), 0)?;
        let mut candidates = candidates.into_iter().peekable();
        let mut found = Vec::new();
        while let Some((labels, places)) = group(&mut candidates) {
            if select::any(&places, self.start_ms, self.end_ms)? {
                found.push(labels);
            }
        }
        Ok(found)
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let (start_ms, end_ms) = (self.start_ms, self.end_ms);
        let mut names = BTreeSet::new();
        for block in self.blocks(start_ms, end_ms).chain(self.downsampled()) {
            if matchers.is_empty() && self.is_whole(block)? {
                names.extend(block.label_names()?);
                continue;
            }
            for labels in self.left(block, matchers)? {
                for (name, _) in labels.iter() {
                    if !names.contains(name) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        for generation in self.generations(start_ms, end_ms) {
            let memtable = &generation.memtable;
            names.extend(if matchers.is_empty() && !self.exact {
                memtable.table().label_names(None)
            } else {
                let ids = memtable.select_ids(matchers, self.lease.visible, start_ms, end_ms)?;
                memtable.table().label_names(Some(&ids))
            });
        }
        names.remove(AGGREGATE);
        Ok(names.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let (start_ms, end_ms) = (self.start_ms, self.end_ms);
        let mut values = BTreeSet::new();
        if name == AGGREGATE {
            return Ok(Vec::new());
        }
        for block in self.blocks(start_ms, end_ms).chain(self.downsampled()) {
            match matchers {
                [] if self.is_whole(block)? => values.extend(block.label_values(name, None)?),
                [matcher] if matcher.name == name && self.is_whole(block)? => {
                    values.extend(block.label_values(name, Some(matcher))?);
                }
                _ => {
                    let left = self.left(block, matchers)?;
                    for value in left.iter().filter_map(|labels| labels.get(name)) {
                        if !values.contains(value) {
                            values.insert(value.to_owned());
                        }
                    }
                }
            }
        }
        for generation in self.generations(start_ms, end_ms) {
            let memtable = &generation.memtable;
            values.extend(if matchers.is_empty() && !self.exact {
                memtable.table().label_values(name, None)
            } else {
                let ids = memtable.select_ids(matchers, self.lease.visible, start_ms, end_ms)?;
                memtable.table().label_values(name, Some(&ids))
            });
        }
        Ok(values.into_iter().collect())
    }
}
