//! Forgetting series that have been silent, in two steps.
//!
//! A **forgotten** series is not found by key any more and its handle is unknown to appends. It is still selected and
//! read, for memtables may have its samples. Once no memtable is held that could have any, it is **buried**: its
//! postings go, and with its page's last series the page, whose ids are then used again.
//!
//! A page less than half of whose series are alive is retired: all of them are forgotten, and those that go on come
//! again, in a dense page.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use model::labels::METRIC_NAME;
use rustc_hash::FxHashMap;

use super::SeriesTable;
use crate::head::Memtable;
use crate::head::page::{self, Page, minutes_between, stamp};
use crate::head::row::{Slots, has};

/// Narrower pages are not retired for being sparse: a new page would not be much smaller.
const RETIRE_FROM_WIDTH: usize = 16;

/// So many pages are gone through while nobody appends: less than a millisecond.
const FORGET_PAGES: usize = 16;

/// Silence beyond this is not told apart: stamps start again after 45 days.
const MAX_IDLE_MINUTES: i64 = 30 * 24 * 60;

/// When series are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcRules {
    /// The clock, in milliseconds since the epoch.
    pub now_ms: i64,
    /// A series without a sample for so long is forgotten; whole minutes, at least one, at most 30 days.
    pub idle_ms: i64,
    /// The lowest generation of a memtable over this table that anybody still holds, snapshots included.
    pub oldest_generation: u64,
}

/// A page, slots of it that may be forgotten, and whether that is because the page is retired.
type Suspect = (Arc<Page>, Vec<usize>, bool);

/// Series that are forgotten and not buried.
pub(crate) struct Grave {
    /// No later memtable has samples of them.
    generation: u64,
    page: Arc<Page>,
    slots: Slots,
}

impl SeriesTable {
    /// Forgets series. To be called after a flush, at least once a week if series are to be forgotten at all, with the
    /// memtable that takes samples (`active`; no other may be taking any meanwhile) and with those that were frozen
    /// since the last call (`frozen`), whose samples show who is alive.
    pub fn gc(&self, rules: &GcRules, active: &Memtable, frozen: &[&Memtable]) {
        self.bury(rules.oldest_generation);
        let now = stamp(rules.now_ms);
        let idle = (rules.idle_ms / 60_000).clamp(1, MAX_IDLE_MINUTES) as u16;
        let pages: Vec<Arc<Page>> = self.directory.read().pages().iter().flatten().cloned().collect();
        let mut suspects = Vec::new();
        for page in pages.iter().filter(|page| !page.is_retired()) {
            let mut slots = active.slots_of(page);
            for memtable in frozen {
                let more = memtable.slots_of(page);
                slots.iter_mut().zip(more).for_each(|(a, b)| *a |= b);
            }
            let live: Vec<usize> = (0..page.width()).filter(|&slot| page.is_live(slot)).collect();
            for &slot in &live {
                // 0: made since the last call.
                if has(&slots, slot) || page.seen(slot) == Some(0) {
                    page.see(slot, now);
                }
            }
            let silent = |slot: &usize| {
                page.seen(*slot)
                    .is_some_and(|seen| minutes_between(seen, now) >= idle)
            };
            let silent: Vec<usize> = live.iter().copied().filter(silent).collect();
            if page.width() >= RETIRE_FROM_WIDTH && 2 * (live.len() - silent.len()) < page.width() {
                suspects.push((Arc::clone(page), live, true));
            } else if !silent.is_empty() {
                suspects.push((Arc::clone(page), silent, false));
            }
        }
        for suspects in suspects.chunks(FORGET_PAGES) {
            self.forget(active, suspects);
        }
    }

    /// Forgets slots of pages; of a page that is not to be retired those alone that have no samples in `active`.
    fn forget(&self, active: &Memtable, suspects: &[Suspect]) {
        let mut maker = self.maker.lock();
        let mut graves = Vec::new();
        active.while_nobody_appends(|slots_of| {
            let mut directory = self.directory.write();
            for (page, slots, retire) in suspects {
                let alive = if *retire { Slots::default() } else { slots_of(page) };
                let mut grave = Grave {
                    generation: active.generation(),
                    page: Arc::clone(page),
                    slots: Slots::default(),
                };
                for slot in slots.iter().copied().filter(|&slot| !has(&alive, slot)) {
                    if grave.page.forget(slot) {
                        directory.remove_key(&grave.page, slot);
                        crate::head::row::set(&mut grave.slots, slot);
                    }
                }
                graves.push(grave);
            }
        });
        for grave in &graves {
            for slot in grave.slots() {
                let mut pairs = grave.page.labels.series(slot);
                let metric = pairs.find(|(name, _)| *name == METRIC_NAME);
                maker.forget(metric.map_or("", |(_, value)| value));
                self.live.fetch_sub(1, Relaxed);
            }
        }
        self.graves.lock().extend(graves);
    }

    /// Buries what no memtable that is still held can have samples of.
    fn bury(&self, oldest_generation: u64) {
        let mut maker = self.maker.lock();
        let mut graves = self.graves.lock();
        let ripe: Vec<Grave> = graves
            .extract_if(.., |grave| grave.generation < oldest_generation)
            .collect();
        if ripe.is_empty() {
            return;
        }
        let waiting: FxHashMap<u32, ()> = graves.iter().map(|grave| (grave.page.index, ())).collect();
        drop(graves);
        let mut buried: FxHashMap<u32, Slots> = FxHashMap::default();
        for grave in &ripe {
            let slots = buried.entry(grave.page.index).or_default();
            slots.iter_mut().zip(grave.slots).for_each(|(a, b)| *a |= b);
            // A page at a time, so that selections get their turn.
            let mut postings = self.postings.write();
            for slot in grave.slots() {
                postings.remove(grave.page.id(slot), grave.page.labels.series(slot));
            }
        }
        self.order.retain(|id| {
            let (index, slot) = page::parts(id);
            buried.get(&index).is_none_or(|slots| !has(slots, slot))
        });
        for grave in ripe {
            let index = grave.page.index;
            let mut directory = self.directory.write();
            let is_here = directory
                .page(index)
                .is_some_and(|page| page.tag == grave.page.tag);
            if is_here && grave.page.is_retired() && !waiting.contains_key(&index) {
                directory.remove(index);
                maker.free(index);
                self.bytes.fetch_sub(grave.page.bytes() as u64, Relaxed);
            }
        }
    }
}

impl Grave {
    fn slots(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.page.width()).filter(|&slot| has(&self.slots, slot))
    }
}
