//! The samples since the last flush: one generation.
//!
//! Appends of different pages do not meet but in a read lock a batch. What a batch changes is logged page by page
//! under the page's lock, so the log has each page's records in the order in which they changed it, and replaying them
//! gives the same memtable. What a reader sees is decided by the batch number a row bears.

mod append;
mod read;
mod replay;
mod select;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

use super::SeriesTable;
use super::page::Page;
use super::page_data::{PageData, Tally};
use super::row::{Slots, Visible};

pub use replay::Replay;
pub use select::{HeadReader, HeadSelection, Newest};

/// A page with its samples.
#[derive(Debug)]
struct Entry {
    page: Arc<Page>,
    data: Mutex<PageData>,
}

/// One generation of samples. See the module.
pub struct Memtable {
    table: Arc<SeriesTable>,
    generation: u64,
    /// By the page's index.
    entries: RwLock<Vec<Option<Arc<Entry>>>>,
    /// Rows of batches up to here may be sealed.
    sealable: AtomicU64,
    /// Filled from a log: all of it is visible.
    is_replayed: AtomicBool,
    samples: AtomicU64,
    late: AtomicU64,
    bytes: AtomicI64,
    runs: AtomicI64,
    newest_ms: AtomicI64,
    oldest_ms: AtomicI64,
}

impl Memtable {
    /// An empty generation over a table.
    pub fn new(table: Arc<SeriesTable>, generation: u64) -> Memtable {
        Memtable {
            table,
            generation,
            entries: RwLock::default(),
            sealable: AtomicU64::new(0),
            is_replayed: AtomicBool::new(false),
            samples: AtomicU64::new(0),
            late: AtomicU64::new(0),
            bytes: AtomicI64::new(0),
            runs: AtomicI64::new(0),
            newest_ms: AtomicI64::new(i64::MIN),
            oldest_ms: AtomicI64::new(i64::MAX),
        }
    }

    /// Its number, and that of its log.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The series it has samples of.
    pub fn table(&self) -> &Arc<SeriesTable> {
        &self.table
    }

    /// Rows of batches up to this one may be compressed: it is committed, and no snapshot sees less.
    pub fn set_sealable(&self, batch: u64) {
        self.sealable.store(batch, Relaxed);
    }

    /// Lets go what only appends need: none will come any more. (One that comes all the same is right, but logs
    /// nothing that could be replayed.)
    pub fn freeze(&self) {
        for entry in self.entries().iter().flatten() {
            let freed = entry.data.lock().freeze();
            self.bytes.fetch_sub(freed, Relaxed);
        }
    }

    /// The newest sample's time in milliseconds, visible or not.
    pub fn newest_ms(&self) -> Option<i64> {
        Some(self.newest_ms.load(Relaxed)).filter(|_| self.samples() > 0)
    }

    /// The oldest sample's time in milliseconds, visible or not.
    pub fn oldest_ms(&self) -> Option<i64> {
        Some(self.oldest_ms.load(Relaxed)).filter(|_| self.samples() > 0)
    }

    /// Samples stored, repetitions not counted.
    pub fn samples(&self) -> u64 {
        self.samples.load(Relaxed)
    }

    /// Of these, samples that were not in order.
    pub fn late_samples(&self) -> u64 {
        self.late.load(Relaxed)
    }

    /// Sealed runs: up to 512 series' chunks of some thirty samples each.
    pub fn runs(&self) -> u64 {
        self.runs.load(Relaxed).max(0) as u64
    }

    /// Bytes in memory, roughly; those of the table are not among them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed).max(0) as u64
    }

    /// The pages as they are now.
    fn entries(&self) -> Vec<Option<Arc<Entry>>> {
        self.entries.read().clone()
    }

    fn entry(&self, index: u32) -> Option<Arc<Entry>> {
        self.entries.read().get(index as usize)?.clone()
    }

    /// Makes room for a page's samples.
    fn attach(&self, page: &Arc<Page>) -> Arc<Entry> {
        let mut entries = self.entries.write();
        let index = page.index as usize;
        if entries.len() <= index {
            entries.resize(index + 1, None);
        }
        let Some(place) = entries.get_mut(index) else {
            return Arc::new(Entry::new(page));
        };
        match place {
            Some(entry) if entry.page.tag == page.tag => Arc::clone(entry),
            place => {
                self.bytes.fetch_add(size_of::<Entry>() as i64 + 24, Relaxed);
                Arc::clone(place.insert(Arc::new(Entry::new(page))))
            }
        }
    }

    fn visible(&self, batch: u64) -> Visible {
        match self.is_replayed.load(Relaxed) {
            true => Visible::ALL,
            false => Visible::up_to(batch),
        }
    }

    fn count(&self, tally: &Tally) {
        self.samples.fetch_add(tally.samples, Relaxed);
        self.late.fetch_add(tally.late, Relaxed);
        self.bytes.fetch_add(tally.bytes, Relaxed);
        self.runs.fetch_add(tally.runs, Relaxed);
        if let Some(newest) = tally.newest_ms {
            self.newest_ms.fetch_max(newest, Relaxed);
        }
        if let Some(oldest) = tally.oldest_ms {
            self.oldest_ms.fetch_min(oldest, Relaxed);
        }
    }

    /// The slots of a page that have samples here.
    pub(crate) fn slots_of(&self, page: &Page) -> Slots {
        let mut slots = Slots::default();
        if let Some(entry) = self.entry(page.index).filter(|entry| entry.page.tag == page.tag) {
            entry.data.lock().add_slots(&mut slots);
        }
        slots
    }

    /// Runs `f` while nothing is appended. `f` must not ask this memtable for anything but by the slots it is given.
    pub(crate) fn while_nobody_appends(&self, f: impl FnOnce(&dyn Fn(&Page) -> Slots)) {
        let entries = self.entries.write();
        f(&|page| {
            let mut slots = Slots::default();
            let entry = entries.get(page.index as usize).and_then(Option::as_ref);
            if let Some(entry) = entry.filter(|entry| entry.page.tag == page.tag) {
                entry.data.lock().add_slots(&mut slots);
            }
            slots
        });
    }
}

impl Entry {
    fn new(page: &Arc<Page>) -> Entry {
        Entry {
            page: Arc::clone(page),
            data: Mutex::default(),
        }
    }
}
