//! From keys and ids to pages.
//!
//! The hash table holds ids only (5 bytes an entry and its slack); the keys lie in the pages. Senders bring series in
//! the order in which they created them, so most keys are found by looking at the slot behind the previous one.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::HashTable;
use model::SeriesKey;
use model::metrics::SeriesRef;

use super::page::{self, Page};

/// Growing one of the tables moves this part of all entries at most.
const SHARD_BITS: u32 = 6;

/// The pages by index, and the keys of their live series.
#[derive(Debug)]
pub(crate) struct Directory {
    pages: Vec<Option<Arc<Page>>>,
    shards: Box<[HashTable<u32>]>,
}

impl Default for Directory {
    fn default() -> Self {
        Directory {
            pages: Vec::new(),
            shards: (0..1 << SHARD_BITS).map(|_| HashTable::new()).collect(),
        }
    }
}

fn shard_of(key: SeriesKey) -> usize {
    (key.0 >> (128 - SHARD_BITS)) as usize
}

fn hash_of(key: SeriesKey) -> u64 {
    key.0 as u64
}

impl Directory {
    pub(crate) fn page(&self, index: u32) -> Option<&Arc<Page>> {
        self.pages.get(index as usize)?.as_ref()
    }

    pub(crate) fn pages(&self) -> &[Option<Arc<Page>>] {
        &self.pages
    }

    fn key(&self, id: u32) -> Option<SeriesKey> {
        let (index, slot) = page::parts(id);
        self.page(index)?.keys.get(slot).copied()
    }

    /// The id of the live series with this key.
    pub(crate) fn lookup(&self, key: SeriesKey) -> Option<u32> {
        let shard = self.shards.get(shard_of(key))?;
        shard.find(hash_of(key), |&id| self.key(id) == Some(key)).copied()
    }

    /// The handle of the live series with this key.
    pub(crate) fn lookup_ref(&self, key: SeriesKey) -> Option<SeriesRef> {
        let (index, slot) = page::parts(self.lookup(key)?);
        Some(self.page(index)?.series_ref(slot))
    }

    /// The handles of many keys: by prediction where it holds, else by the table.
    pub(crate) fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        let mut at: Option<(&Arc<Page>, usize)> = None;
        let mut rest = keys;
        while let Some((&key, after)) = rest.split_first() {
            let found = at
                .and_then(|(page, slot)| self.predicted(page, slot, key))
                .or_else(|| {
                    let id = self.lookup(key)?;
                    let (index, slot) = page::parts(id);
                    if let Some((before, _)) = at {
                        before.follower.store(id, Relaxed);
                    }
                    Some((self.page(index)?, slot))
                });
            let Some((page, slot)) = found else {
                refs.push(SeriesRef::UNKNOWN);
                rest = after;
                continue;
            };
            let run = self.run(page, slot, rest, refs);
            rest = rest.get(run..).unwrap_or_default();
            at = Some((page, slot + run));
        }
    }

    /// Takes the keys that follow one another in a page, at least one, and says how many.
    fn run(&self, page: &Page, slot: usize, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) -> usize {
        let known = page.keys.get(slot..).unwrap_or_default();
        let same = known.iter().zip(keys).take_while(|(a, b)| a == b);
        let run = match page.is_whole() {
            true => same.count(),
            false => same
                .enumerate()
                .take_while(|(i, _)| page.is_live(slot + i))
                .count(),
        };
        let run = run.max(1);
        let first = page.series_ref(slot).0;
        refs.extend((0..run as u64).map(|i| SeriesRef(first + i)));
        run
    }

    /// What came last time when the next of the page did not, or what is behind that.
    fn predicted(&self, before: &Page, slot: usize, key: SeriesKey) -> Option<(&Arc<Page>, usize)> {
        if before.has(slot, key) {
            return Some((self.page(before.index)?, slot));
        }
        let (index, slot) = page::parts(before.follower.load(Relaxed));
        let page = self.page(index)?;
        let slot = [slot, slot + 1].into_iter().find(|&slot| page.has(slot, key))?;
        before.follower.store(page.id(slot), Relaxed);
        Some((page, slot))
    }

    /// Takes a page in. Its keys, if it has any, are not in the directory yet.
    pub(crate) fn insert(&mut self, page: &Arc<Page>) {
        let index = page.index as usize;
        if self.pages.len() <= index {
            self.pages.resize(index + 1, None);
        }
        if let Some(place) = self.pages.get_mut(index) {
            *place = Some(Arc::clone(page));
        }
        let pages = &self.pages;
        let hash = |&id: &u32| {
            let (index, slot) = page::parts(id);
            let page = pages.get(index as usize).and_then(Option::as_ref);
            page.and_then(|page| page.keys.get(slot))
                .map_or(0, |&key| hash_of(key))
        };
        for (slot, &key) in page.keys.iter().enumerate() {
            if let Some(shard) = self.shards.get_mut(shard_of(key)) {
                shard.insert_unique(hash_of(key), page.id(slot), hash);
            }
        }
    }

    /// Takes the key of one series out; its page stays.
    pub(crate) fn remove_key(&mut self, page: &Page, slot: usize) {
        let id = page.id(slot);
        let Some(&key) = page.keys.get(slot) else { return };
        let Some(shard) = self.shards.get_mut(shard_of(key)) else {
            return;
        };
        if let Ok(entry) = shard.find_entry(hash_of(key), |&other| other == id) {
            entry.remove();
        }
    }

    /// Takes a page out whose keys are out already.
    pub(crate) fn remove(&mut self, index: u32) {
        if let Some(place) = self.pages.get_mut(index as usize) {
            *place = None;
        }
    }
}
