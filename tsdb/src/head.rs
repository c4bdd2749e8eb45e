//! The head: the series being written, in memory.
//!
//! [`Index`] finds series by handle, labels or matchers and is locked as a whole, briefly; the samples of each
//! series have a lock of their own, so that reading one never waits for a batch that writes another. Who may change
//! what: a batch (one at a time) adds series and samples; maintenance removes what blocks hold.
//!
//! Cost a series: its labels once, about 200 bytes around them, the postings, and its open buffer.

mod series;

use std::sync::Arc;

use model::Labels;
use model::metrics::SeriesRef;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

pub(crate) use series::{LateSample, Series, SeriesData};

use crate::postings::MemoryPostings;
use crate::view::Floor;

/// No slot is above this, in memory or in a log.
const MAX_SLOT: u32 = 1 << 28;

/// Series are collected in groups of this size, so that no lock is held for long.
const COLLECT_GROUP: usize = 4096;

/// All series in memory.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) index: RwLock<Index>,
}

/// Finds series. A series sits in a slot; a handle is the slot (low half) and the generation of whoever sits there
/// (high half, from 1), so that a handle of a collected series finds nobody.
pub(crate) struct Index {
    slots: Vec<Option<Arc<Series>>>,
    free: Vec<u32>,
    generation: u32,
    by_labels: FxHashMap<Labels, u32>,
    pub(crate) postings: MemoryPostings,
}

impl Default for Index {
    fn default() -> Self {
        Index {
            slots: Vec::new(),
            free: Vec::new(),
            generation: 1,
            by_labels: FxHashMap::default(),
            postings: MemoryPostings::default(),
        }
    }
}

fn slot_of(series: u64) -> u32 {
    series as u32
}

fn generation_of(series: u64) -> u32 {
    (series >> 32) as u32
}

impl Index {
    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.by_labels.len()
    }

    pub(crate) fn by_ref(&self, series: SeriesRef) -> Option<&Arc<Series>> {
        self.slots
            .get(slot_of(series.0) as usize)?
            .as_ref()
            .filter(|s| s.id == series)
    }

    pub(crate) fn by_labels(&self, labels: &Labels) -> Option<&Arc<Series>> {
        self.by_slot(*self.by_labels.get(labels)?)
    }

    pub(crate) fn by_slot(&self, slot: u32) -> Option<&Arc<Series>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// All series, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.slots.iter().flatten()
    }

    /// The handle the `nth` series to be inserted from now on will have; `None` when there is no room.
    pub(crate) fn upcoming(&self, nth: usize) -> Option<SeriesRef> {
        let slot = match self.free.len().checked_sub(nth + 1) {
            Some(i) => *self.free.get(i)?,
            None => u32::try_from(self.slots.len() + nth - self.free.len()).ok()?,
        };
        (slot < MAX_SLOT).then_some(SeriesRef((u64::from(self.generation) << 32) | u64::from(slot)))
    }

    /// Inserts a series under a handle got from [`Index::upcoming`] (in that order) or from the log. Whoever sits
    /// in its slot or bears its labels leaves. False for a handle that cannot be one.
    pub(crate) fn insert(&mut self, series: Arc<Series>) -> bool {
        let slot = slot_of(series.id.0);
        if slot >= MAX_SLOT || generation_of(series.id.0) == 0 {
            return false;
        }
        if self.free.last() == Some(&slot) {
            self.free.pop();
        }
        if let Some(previous) = self.by_slot(slot).cloned() {
            self.forget(&previous);
        }
        if let Some(previous) = self.by_labels(&series.labels).cloned() {
            self.forget(&previous);
        }
        if self.slots.len() <= slot as usize {
            self.slots.resize(slot as usize + 1, None);
        }
        self.generation = self.generation.max(generation_of(series.id.0));
        self.by_labels.insert(series.labels.clone(), slot);
        self.postings.insert(slot, &series.labels);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(series);
        }
        true
    }

    fn forget(&mut self, series: &Series) {
        let slot = slot_of(series.id.0);
        self.by_labels.remove(&series.labels);
        self.postings.remove(slot, &series.labels);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = None;
        }
    }

    /// After a replay: empty slots become free, and handles given from now on are new.
    pub(crate) fn finish_replay(&mut self) {
        let empty = self.slots.iter().enumerate().filter(|(_, s)| s.is_none());
        self.free = empty.map(|(i, _)| i as u32).collect();
        self.generation = self.generation.saturating_add(1);
    }

    /// Removes those of `series` that hold nothing; gives how many.
    fn collect(&mut self, series: &[Arc<Series>]) -> usize {
        let mut collected = 0;
        for series in series {
            if self.by_ref(series.id).is_some() && series.data.lock().is_empty() {
                self.forget(series);
                self.free.push(slot_of(series.id.0));
                collected += 1;
            }
        }
        if collected > 0 {
            self.generation = self.generation.saturating_add(1);
        }
        collected
    }
}

impl Head {
    /// All series as of now, sorted by labels.
    pub(crate) fn sorted(&self) -> Vec<Arc<Series>> {
        let mut series: Vec<Arc<Series>> = self.index.read().iter().cloned().collect();
        series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        series
    }

    /// Drops the samples that `floor` covers, then collects series that hold nothing any more. `exclude_writer`
    /// must keep batches out while its result lives. Gives how many series went.
    pub(crate) fn truncate<G>(&self, floor: Floor, exclude_writer: impl Fn() -> G) -> usize {
        let series: Vec<Arc<Series>> = self.index.read().iter().cloned().collect();
        let mut empty = Vec::new();
        for series in series {
            let mut data = series.data.lock();
            data.truncate(floor);
            if data.is_empty() {
                drop(data);
                empty.push(series);
            }
        }
        let mut collected = 0;
        for group in empty.chunks(COLLECT_GROUP) {
            let _writer = exclude_writer();
            collected += self.index.write().collect(group);
        }
        collected
    }
}

#[cfg(test)]
mod tests;
