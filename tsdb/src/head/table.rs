//! Which series there are: found by key, made by labels, selected by matchers, forgotten when they have been silent.
//!
//! Three locks, none held for long: one for whoever makes or forgets series, one over the directory of pages, one over
//! the postings. About 85 bytes a series in pages of several hundred.

mod create;
mod gc;
mod inspect;
mod order;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use model::metrics::SeriesRef;
use model::{Labels, Matcher, SeriesKey, StoreError};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;

use super::directory::Directory;
use super::page::{self, Page};
use crate::postings::{MemoryPostings, resolve};
use create::Maker;
use gc::Grave;
use order::Order;

pub use gc::GcRules;

/// How much a table takes; 0 is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Series alive.
    pub max_series: u64,
    /// Series alive of one metric name.
    pub max_series_per_metric: u64,
    /// Bytes of the table itself, roughly.
    pub max_bytes: u64,
}

/// New series refused since the table was made, by the limit they met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// [`Limits::max_series`]
    pub series: u64,
    /// [`Limits::max_series_per_metric`]
    pub series_per_metric: u64,
    /// [`Limits::max_bytes`]
    pub bytes: u64,
}

/// The live series of a store. See the module.
pub struct SeriesTable {
    limits: Limits,
    /// Locked by whoever makes or forgets series. Taken before any other lock here.
    maker: Mutex<Maker>,
    directory: RwLock<Directory>,
    postings: RwLock<MemoryPostings>,
    order: Order,
    graves: Mutex<Vec<Grave>>,
    /// Whether pages came out of a log, in which a series may have several.
    adopted: AtomicBool,
    live: AtomicU64,
    bytes: AtomicU64,
    refused: Mutex<Refused>,
}

impl SeriesTable {
    /// A table without series.
    pub fn new(limits: Limits) -> SeriesTable {
        SeriesTable {
            limits,
            maker: Mutex::default(),
            directory: RwLock::default(),
            postings: RwLock::default(),
            order: Order::default(),
            graves: Mutex::default(),
            adopted: AtomicBool::new(false),
            live: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            refused: Mutex::default(),
        }
    }

    /// Sets `refs` to the handles of the series with these keys, unknown where there is none. Keys in the order in which
    /// their series were made, or were asked for last time, cost a comparison each.
    pub fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        refs.clear();
        refs.reserve(keys.len());
        self.directory.read().find(keys, refs);
    }

    /// The ids of the series that satisfy all matchers, samples or not.
    ///
    /// # Errors
    /// None so far.
    pub fn select(&self, matchers: &[Matcher]) -> Result<RoaringBitmap, StoreError> {
        resolve(&*self.postings.read(), matchers)
    }

    /// The labels of the series with this id.
    pub fn labels(&self, id: u32) -> Option<Labels> {
        let (index, slot) = page::parts(id);
        let page = Arc::clone(self.directory.read().page(index)?);
        Some(page.labels.labels(slot)).filter(|labels| !labels.is_empty())
    }

    /// Series alive.
    pub fn len(&self) -> u64 {
        self.live.load(Relaxed)
    }

    /// Whether none is alive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes in memory, roughly.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Whether a selection may have a label set twice: under the id of a series that was forgotten, and another.
    pub(crate) fn may_repeat(&self) -> bool {
        self.adopted.load(Relaxed) || !self.graves.lock().is_empty()
    }

    /// What the limits refused.
    pub fn refused(&self) -> Refused {
        *self.refused.lock()
    }

    /// The page a handle means.
    pub(crate) fn page(&self, index: u32, tag: u32) -> Option<Arc<Page>> {
        let directory = self.directory.read();
        directory.page(index).filter(|page| page.tag == tag).cloned()
    }

    /// The ids of all series in the order of their labels. New ones are put in place first.
    pub(crate) fn order(&self) -> Arc<Vec<u32>> {
        self.order.get(|| self.directory.read().pages().to_vec())
    }
}
