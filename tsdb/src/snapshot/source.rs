//! One place in which a query found series: a memtable, a block, or a downsampled block.

use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use crate::block::{BlockReader, BlockSelection};
use crate::downsample::{AGGREGATE, Aggregate};
use crate::head::{HeadReader, HeadSelection};
use crate::identity;
use crate::store::Generation;
use crate::tombstone::{Erased, Intervals};

/// See the module.
pub(super) struct Source {
    pub(super) place: Place,
    /// What is erased of its series, of those that lost something.
    lost: FxHashMap<u32, Intervals>,
}

/// Where it is.
pub(super) enum Place {
    Head {
        /// Held while its pages are.
        _generation: Arc<Generation>,
        series: HeadSelection,
    },
    Block(BlockSelection),
    /// One aggregate of a downsampled block.
    Downsampled {
        series: BlockSelection,
        aggregate: Aggregate,
        resolution_ms: i64,
    },
}

/// Nothing erased.
static NOTHING: Intervals = Intervals::NONE;

impl Source {
    /// A place from which nothing is erased.
    pub(super) fn new(place: Place) -> Source {
        Source {
            place,
            lost: FxHashMap::default(),
        }
    }

    /// Looks at every series for what is erased of it; `id` is the block's.
    pub(super) fn erase(&mut self, erased: &Erased, id: u64) -> Result<(), StoreError> {
        for at in 0..self.len() {
            let lost = erased.of(&self.stored_labels(at)?, id);
            if !lost.is_empty() {
                self.lost.insert(at as u32, lost);
            }
        }
        Ok(())
    }

    /// How many series it has.
    pub(super) fn len(&self) -> usize {
        match &self.place {
            Place::Head { series, .. } => series.len(),
            Place::Block(series) | Place::Downsampled { series, .. } => series.len(),
        }
    }

    /// What is erased of a series.
    pub(super) fn lost(&self, at: usize) -> &Intervals {
        self.lost.get(&(at as u32)).unwrap_or(&NOTHING)
    }

    /// Whether its series are all there is of it: none twice, none erased.
    pub(super) fn is_plain(&self) -> bool {
        let repeats = matches!(&self.place, Place::Head { series, .. } if series.may_repeat());
        self.lost.is_empty() && !repeats
    }

    /// The identities of its series, see [`crate::identity`].
    pub(super) fn identities(&self) -> Vec<u128> {
        match &self.place {
            Place::Head { series, .. } => series.identities(),
            Place::Block(series) => series.identities().to_vec(),
            Place::Downsampled {
                series, aggregate, ..
            } => {
                let without = identity::pair(AGGREGATE, aggregate.as_str());
                let identities = series.identities().iter();
                identities.map(|sum| sum.wrapping_sub(without)).collect()
            }
        }
    }

    fn stored_labels(&self, at: usize) -> Result<Labels, StoreError> {
        match &self.place {
            Place::Head { series, .. } => Ok(series.labels(at)),
            Place::Block(series) | Place::Downsampled { series, .. } => series.labels(at),
        }
    }

    /// The labels of a series.
    pub(super) fn labels(&self, at: usize) -> Result<Labels, StoreError> {
        let labels = self.stored_labels(at)?;
        Ok(match &self.place {
            Place::Downsampled { .. } => labels.filtered(|name| name != AGGREGATE),
            Place::Head { .. } | Place::Block(_) => labels,
        })
    }

    /// The latest time it can have a sample of.
    pub(super) fn last_ms(&self) -> i64 {
        match &self.place {
            Place::Head { .. } => i64::MAX,
            Place::Block(series) | Place::Downsampled { series, .. } => {
                series.block().meta().max_ms.saturating_sub(1)
            }
        }
    }

    /// Whether a series has single samples between two times for sure, without reading any.
    pub(super) fn is_sure(&self, at: usize, start_ms: i64, end_ms: i64) -> bool {
        let lost = self.lost(at);
        match &self.place {
            Place::Head { .. } => lost.is_empty(),
            Place::Block(series) => series
                .sure_times(at, start_ms, end_ms)
                .any(|ms| !lost.contains(ms)),
            Place::Downsampled { .. } => false,
        }
    }

    /// A reader that has nothing at hand yet.
    pub(super) fn reader(&self) -> SourceReader<'_> {
        SourceReader {
            source: self,
            place: match &self.place {
                Place::Head { series, .. } => PlaceReader::Head(series.reader()),
                Place::Block(series) | Place::Downsampled { series, .. } => {
                    PlaceReader::Block(series.reader())
                }
            },
        }
    }
}

/// Reads series of a source; one a thread.
pub(super) struct SourceReader<'a> {
    pub(super) source: &'a Source,
    place: PlaceReader<'a>,
}

enum PlaceReader<'a> {
    Head(HeadReader<'a>),
    Block(BlockReader<'a>),
}

impl SourceReader<'_> {
    /// Appends the samples of a series between two times, inclusive, that are not erased.
    pub(super) fn read(
        &mut self,
        at: usize,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let from = (into.timestamps.len(), into.histograms.len());
        match &mut self.place {
            PlaceReader::Head(reader) => reader.read(at, start_ms, end_ms, into)?,
            PlaceReader::Block(reader) => reader.read(at, start_ms, end_ms, into)?,
        }
        self.source.lost(at).cut(into, from.0, from.1);
        Ok(())
    }

    /// The newest sample of a series between two times, inclusive; `Ok(None)` says nothing.
    pub(super) fn newest(
        &mut self,
        at: usize,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Option<(i64, f64)>, StoreError> {
        if !self.source.lost(at).is_empty() {
            return Ok(None);
        }
        match &mut self.place {
            PlaceReader::Head(reader) => reader.newest(at, start_ms, end_ms),
            PlaceReader::Block(reader) => reader.newest(at, start_ms, end_ms),
        }
    }
}
