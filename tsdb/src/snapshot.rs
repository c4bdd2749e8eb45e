//! What a query runs on: one moment of memtables and blocks.
//!
//! A snapshot holds a [`Lease`]: it sees the batches visible when it was taken, whatever is appended, flushed or
//! compacted meanwhile. Selecting resolves the matchers in each place ([`source`]) and finds out which of what was found are
//! the same series ([`union`]); labels and samples are read only as the caller asks for them. Only for names and values asked without matchers does a memtable
//! answer with the labels of all series that are alive now.
//!
//! What is erased ([`crate::tombstone`]) is left out: a block that may hold some of it is found by its times, and only
//! there series are asked one by one. Of what is in memory only retention by matcher hides anything, and not its labels.

mod resolution;
mod select;
mod source;
mod union;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::metrics::{MetricSnapshot, Samples, SelectHints, SeriesSet, Wanted};
use model::{Labels, Matcher, StoreError};

use crate::block::{Block, Needs};
use crate::downsample::{AGGREGATE, aggregates};
use crate::store::Generation;
use crate::tombstone::Erased;
use crate::view::Lease;
use resolution::{Coverage, Resolution};
use select::Selection;
use source::{Place, Source};
use union::Union;

/// What downsampled series are selected for.
const ALL_WITH_IDENTITIES: Needs = Needs {
    identities: true,
    newest_only: false,
};

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

    /// The downsampled series that satisfy the matchers.
    fn downsampled_sources(
        &self,
        matchers: &[Matcher],
        resolution: &Resolution,
        wanted: Wanted,
    ) -> Result<Vec<Source>, StoreError> {
        let mut found = Vec::new();
        let Some(coverage) = &self.coverage else {
            return Ok(found);
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
                    let series = block.selection(&matchers, (start_ms, end_ms), ALL_WITH_IDENTITIES)?;
                    let mut source = Source::new(Place::Downsampled {
                        series,
                        aggregate,
                        resolution_ms: *resolution_ms,
                    });
                    let erased = self.erased_of(block);
                    if erased.reaches(block.meta()) {
                        source.erase(erased, block.meta().id)?;
                    }
                    found.push(source);
                }
                matchers.pop();
            }
        }
        Ok(found)
    }

    /// The memtables that reach into a range, the oldest first.
    fn generations(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Arc<Generation>> {
        let within = move |g: &&Arc<Generation>| {
            g.memtable.oldest_ms().is_some_and(|ms| ms <= end_ms)
                && g.memtable.newest_ms().is_some_and(|ms| ms >= start_ms)
        };
        self.lease.view.generations.iter().filter(within)
    }

    /// Series that satisfy the matchers and may have samples in the range, wherever they lie. At most `hints.max_series`.
    fn selection(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Selection, StoreError> {
        let (start_ms, end_ms) = (hints.start_ms.max(self.start_ms), hints.end_ms.min(self.end_ms));
        let resolution = self.resolution(start_ms, end_ms, hints.max_resolution_ms);
        let mut sources = self.downsampled_sources(matchers, &resolution, hints.wanted)?;
        let blocks: Vec<&Arc<Block>> = self.blocks(start_ms, end_ms).collect();
        let generations: Vec<&Arc<Generation>> = self.generations(start_ms, end_ms).collect();
        let reached = blocks.iter().any(|block| self.erased.reaches(block.meta()));
        let needs = Needs {
            identities: reached || sources.len() + blocks.len() + generations.len() > 1,
            newest_only: hints.newest_only && resolution.parts.is_empty(),
        };
        for block in blocks {
            let series = block.selection(matchers, (start_ms, end_ms), needs)?;
            let mut source = Source::new(Place::Block(series));
            if self.erased.reaches(block.meta()) {
                source.erase(&self.erased, block.meta().id)?;
            }
            sources.push(source);
        }
        for generation in generations {
            let memtable = &generation.memtable;
            let oldest_ms = memtable.oldest_ms().unwrap_or(i64::MIN);
            let mut source = Source::new(Place::Head {
                series: memtable.selection(matchers, self.lease.visible, start_ms, end_ms)?,
                _generation: Arc::clone(generation),
            });
            if self.erased.reaches_times(u64::MAX, oldest_ms, i64::MAX) {
                source.erase(&self.erased, u64::MAX)?;
            }
            sources.push(source);
        }
        let hidden = |source: &Source, at: usize| {
            let downsampled = matches!(source.place, Place::Downsampled { .. });
            !downsampled && source.lost(at).covers(start_ms, end_ms)
        };
        Ok(Selection {
            union: Union::of(&sources, hidden, hints.max_series)?,
            sources,
            resolution,
            wanted: hints.wanted,
            newest_only: needs.newest_only,
            _lease: Arc::clone(&self.lease),
        })
    }

    /// The labels of a block's series that satisfy the matchers, where some may be erased.
    fn left(&self, block: &Arc<Block>, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let (start_ms, end_ms) = (self.start_ms, self.end_ms);
        let erased = self.erased_of(block);
        let series = block.selection(matchers, (start_ms, end_ms), Needs::default())?;
        let mut source = Source::new(Place::Block(series));
        if erased.reaches(block.meta()) {
            source.erase(erased, block.meta().id)?;
        }
        let mut reader = source.reader();
        let mut scratch = Samples::default();
        let mut found = Vec::new();
        for at in 0..source.len() {
            let lost = source.lost(at);
            let sure = lost.is_empty() || source.is_sure(at, start_ms, end_ms);
            if !sure {
                scratch.clear();
                reader.read(at, start_ms, end_ms, &mut scratch)?;
            }
            if sure || !scratch.is_empty() {
                found.push(source.labels(at)?);
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
}

impl MetricSnapshot for Snapshot {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        Ok(Box::new(self.selection(matchers, hints)?))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let hints = SelectHints {
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            ..SelectHints::default()
        };
        let selection = self.selection(matchers, &hints)?;
        let mut reader = selection.random_reader();
        let mut scratch = Samples::default();
        let mut found = Vec::with_capacity(selection.len());
        for series in 0..selection.len() {
            if selection.has_samples(series, &mut reader, &mut scratch)? {
                found.push(selection.labels(series)?);
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
