//! What a target's loop remembers from one scrape to the next: text of a series → labels and handle.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;
use model::metrics::{Metadata, SeriesRef};
use rustc_hash::FxHashMap;

/// How many series beyond twice those of the last good page are remembered of pages that were refused.
const SPARE_ENTRIES: usize = 1000;

/// A series that the target has exposed.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As it stands on the page.
    pub(super) raw: Arc<[u8]>,
    /// What it is stored as; `None` where metric relabelling drops it.
    pub(super) labels: Option<Labels>,
    /// The sink's handle.
    pub(super) series: SeriesRef,
    /// The scrape that saw it last.
    pub(super) seen: u64,
    /// Whether its end needs a staleness marker: it has a current sample without a timestamp of its own.
    pub(super) live: bool,
}

/// The memory of one target. Bounded by the pages it saw: what a good scrape does not show is forgotten, and what a
/// refused one does not show is, once much has gathered.
#[derive(Debug, Default)]
pub struct ScrapeCache {
    pub(super) entries: Vec<Entry>,
    pub(super) index: FxHashMap<Arc<[u8]>, u32>,
    /// Slots without an entry in use.
    pub(super) free: Vec<u32>,
    /// The slots of the last good scrape, in the order of the page: a prediction of the next one.
    pub(super) order: Vec<u32>,
    /// Series that an earlier set of rules made; they end unless the next scrape shows them again.
    pub(super) orphans: Vec<(Labels, SeriesRef)>,
    pub(super) metadata: BTreeMap<Box<str>, KnownMetadata>,
    /// Counts scrapes.
    pub(super) scrape: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct KnownMetadata {
    pub(super) metadata: Metadata,
    pub(super) seen: u64,
}

impl ScrapeCache {
    /// A cache that knows nothing.
    pub fn new() -> ScrapeCache {
        ScrapeCache::default()
    }

    /// Forgets how pages map to series, because the rules changed, but not which series have to end.
    pub fn rules_changed(&mut self) {
        let live = self.entries.drain(..).filter(|entry| entry.live);
        self.orphans
            .extend(live.filter_map(|entry| Some((entry.labels?, entry.series))));
        self.index.clear();
        self.free.clear();
        self.order.clear();
    }

    /// The slot predicted at a position of the page.
    pub(super) fn predicted(&self, position: usize) -> Option<(u32, &Entry)> {
        let slot = *self.order.get(position)?;
        Some((slot, self.entries.get(slot as usize)?))
    }

    pub(super) fn slot(&self, raw: &[u8]) -> Option<u32> {
        self.index.get(raw).copied()
    }

    pub(super) fn insert(&mut self, raw: &[u8], labels: Option<Labels>) -> u32 {
        let raw: Arc<[u8]> = raw.into();
        let entry = Entry {
            raw: raw.clone(),
            labels,
            series: SeriesRef::UNKNOWN,
            seen: 0,
            live: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.entries.get_mut(slot as usize) {
                    *place = entry;
                }
                slot
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.index.insert(raw, slot);
        slot
    }

    pub(super) fn forget(&mut self, slot: u32) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            self.index.remove(&entry.raw);
            entry.labels = None;
            entry.live = false;
            entry.raw = Arc::from(&[][..]);
            self.free.push(slot);
        }
    }

    /// After a refused page, forgets what it did not show if much has gathered: pages that are refused one after the
    /// other, each with series of its own, must not fill the memory.
    pub(super) fn forget_unseen(&mut self) {
        if self.index.len() <= self.order.len().saturating_mul(2).saturating_add(SPARE_ENTRIES) {
            return;
        }
        let slots = self.entries.iter().zip(0u32..);
        let unseen: Vec<u32> = slots
            .filter(|(entry, _)| entry.seen != self.scrape && !entry.raw.is_empty())
            .map(|(_, slot)| slot)
            .collect();
        for slot in unseen {
            self.forget(slot);
        }
    }

    pub(super) fn set_live(&mut self, changes: &[(u32, bool)]) {
        for (slot, live) in changes {
            if let Some(entry) = self.entries.get_mut(*slot as usize) {
                entry.live = *live;
            }
        }
    }

    /// Remembers the sink's handle for a series.
    pub(super) fn learn(&mut self, slot: u32, series: SeriesRef) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            entry.series = series;
        }
    }

    /// What families say of themselves, for the API.
    pub fn metadata(&self) -> Vec<(String, Metadata)> {
        self.metadata
            .iter()
            .map(|(name, known)| (name.to_string(), known.metadata.clone()))
            .collect()
    }
}
