//! A page: up to 512 series that came together, and everything about them but their samples.
//!
//! A series' **id** is its page's index and its slot in the page; ids are used again once nobody can mean the old
//! series any more. A series' **handle** is the id and the page's tag, which is never used again.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::Relaxed};

use model::SeriesKey;
use model::metrics::SeriesRef;

use super::arena::LabelArena;

/// The bits of an id that say which slot.
pub(crate) const SLOT_BITS: u32 = 9;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// There are at most so many pages at a time.
pub(crate) const MAX_PAGES: u32 = 1 << (32 - SLOT_BITS);

/// A slot whose series is forgotten.
const FORGOTTEN: u16 = u16::MAX;

/// The page and slot an id means.
pub(crate) fn parts(id: u32) -> (u32, usize) {
    (id >> SLOT_BITS, (id & SLOT_MASK) as usize)
}

/// The tag and the id that a handle is made of.
pub(crate) fn ref_parts(series: SeriesRef) -> (u32, u32) {
    ((series.0 >> 32) as u32, series.0 as u32)
}

/// The slot of a handle.
pub(crate) fn slot_of(series: SeriesRef) -> usize {
    (series.0 as u32 & SLOT_MASK) as usize
}

/// The page a handle means: equal numbers, equal pages.
pub(crate) fn page_of(series: SeriesRef) -> u64 {
    series.0 >> SLOT_BITS
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) index: u32,
    /// Which of all pages there ever were; not 0.
    pub(crate) tag: u32,
    pub(crate) labels: LabelArena,
    /// The keys of the series, in slot order. None in a page that came out of a log.
    pub(crate) keys: Box<[SeriesKey]>,
    /// When each slot last had a sample, as [`stamp`] says it: 0 for "not known yet".
    seen: Box<[AtomicU16]>,
    forgotten: AtomicU32,
    /// The series that came last time when it was not the next of this page.
    pub(crate) follower: AtomicU32,
}

impl Page {
    pub(crate) fn new(index: u32, tag: u32, labels: LabelArena, keys: Vec<SeriesKey>) -> Page {
        let width = labels.width();
        Page {
            index,
            tag,
            labels,
            keys: keys.into_boxed_slice(),
            seen: (0..width).map(|_| AtomicU16::new(0)).collect(),
            forgotten: AtomicU32::new(0),
            follower: AtomicU32::new(u32::MAX),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.labels.width()
    }

    pub(crate) fn id(&self, slot: usize) -> u32 {
        self.index << SLOT_BITS | slot as u32
    }

    pub(crate) fn series_ref(&self, slot: usize) -> SeriesRef {
        SeriesRef(u64::from(self.tag) << 32 | u64::from(self.id(slot)))
    }

    /// Whether the slot has a series that is not forgotten.
    pub(crate) fn is_live(&self, slot: usize) -> bool {
        slot < self.width() && (self.is_whole() || self.seen(slot) != Some(FORGOTTEN))
    }

    /// Whether none of its series is forgotten.
    pub(crate) fn is_whole(&self) -> bool {
        self.forgotten.load(Relaxed) == 0
    }

    /// Whether all of its series are forgotten.
    pub(crate) fn is_retired(&self) -> bool {
        self.live() == 0
    }

    /// How many of its series are not forgotten.
    pub(crate) fn live(&self) -> usize {
        self.width().saturating_sub(self.forgotten.load(Relaxed) as usize)
    }

    /// Whether the slot's series is alive and has this key.
    pub(crate) fn has(&self, slot: usize, key: SeriesKey) -> bool {
        self.keys.get(slot) == Some(&key) && self.is_live(slot)
    }

    pub(crate) fn seen(&self, slot: usize) -> Option<u16> {
        self.seen.get(slot).map(|seen| seen.load(Relaxed))
    }

    /// Notes that the slot had a sample. Only the collector of garbage calls this, and [`Page::forget`].
    pub(crate) fn see(&self, slot: usize, stamp: u16) {
        if let Some(seen) = self.seen.get(slot)
            && seen.load(Relaxed) != FORGOTTEN
        {
            seen.store(stamp, Relaxed);
        }
    }

    /// Forgets the slot's series; says whether it was alive.
    pub(crate) fn forget(&self, slot: usize) -> bool {
        let alive = self
            .seen
            .get(slot)
            .is_some_and(|seen| seen.swap(FORGOTTEN, Relaxed) != FORGOTTEN);
        self.forgotten.fetch_add(u32::from(alive), Relaxed);
        alive
    }

    /// Bytes in memory, those of the index over it included.
    pub(crate) fn bytes(&self) -> usize {
        const STATIC: usize = size_of::<Page>() + 48;
        /// Key, stamp, hash table and postings.
        const SERIES: usize = 16 + 2 + 8 + 16;
        STATIC + self.labels.bytes() + self.width() * SERIES
    }
}

/// A moment as 16 bits that are neither 0 nor [`FORGOTTEN`]: minutes, starting again every 45 days.
pub(crate) fn stamp(now_ms: i64) -> u16 {
    (now_ms.div_euclid(60_000)).rem_euclid(i64::from(FORGOTTEN) - 1) as u16 + 1
}

/// The minutes from one stamp to a later one.
pub(crate) fn minutes_between(from: u16, to: u16) -> u16 {
    if to >= from {
        to - from
    } else {
        FORGOTTEN - 1 - (from - to)
    }
}
