//! Which data a reader sees: batches up to a number, in memtables and blocks.
//!
//! Every batch has a number. It shows once it and all before it are applied, so that a reader sees batches whole and
//! without gaps. A reader takes a [`Lease`]: the last visible number, and the memtables and blocks of that moment,
//! which nobody changes under it: flushing and compaction put new things in the place of old ones for whoever comes
//! later. Cost: a short lock to begin and to end a batch or a lease.
//!
//! The same numbers tell a cache what still holds: each batch, and each change of what there is that answers may show,
//! notes the earliest time it touched ([`changes`]).

mod changes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::block::Block;
use crate::compact::age;
use crate::store::Generation;
use crate::tombstone::Tombstone;
use changes::Changes;

/// What there is to read at one moment. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct View {
    /// The blocks, the oldest first: of two values for one time that of the older counts.
    pub(crate) blocks: Arc<Vec<Arc<Block>>>,
    /// What is not in blocks, the oldest first; the last one takes samples.
    pub(crate) generations: Arc<Vec<Arc<Generation>>>,
    /// What was deleted although blocks still hold it.
    pub(crate) tombstones: Arc<[Tombstone]>,
    /// Samples that this process appended and flushed.
    flushed: u64,
    /// Of these, samples that were not in order.
    flushed_late: u64,
}

impl View {
    /// The view with other blocks.
    pub(crate) fn with_blocks(&self, removed: &[u64], added: &[Arc<Block>]) -> View {
        let kept = self.blocks.iter().filter(|b| !removed.contains(&b.meta().id));
        let mut blocks: Vec<Arc<Block>> = kept.chain(added).cloned().collect();
        blocks.sort_by_key(|b| (age(b.meta()), b.meta().id));
        View {
            blocks: Arc::new(blocks),
            ..self.clone()
        }
    }

    /// The view with other tombstones.
    pub(crate) fn with_tombstones(&self, tombstones: Vec<Tombstone>) -> View {
        View {
            tombstones: tombstones.into(),
            ..self.clone()
        }
    }

    /// The view with one more generation.
    pub(crate) fn with_generation(&self, added: Arc<Generation>) -> View {
        let mut generations: Vec<_> = self.generations.iter().cloned().chain([added]).collect();
        generations.sort_by_key(|g| g.number);
        View {
            generations: Arc::new(generations),
            ..self.clone()
        }
    }

    /// The view without a generation, which is in blocks now.
    pub(crate) fn without_generation(&self, number: u64) -> View {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.generations.iter().cloned().partition(|g| g.number == number);
        let ours = || gone.iter().filter(|g| !g.is_recovered());
        View {
            generations: Arc::new(kept),
            flushed: self.flushed + ours().map(|g| g.memtable.samples()).sum::<u64>(),
            flushed_late: self.flushed_late + ours().map(|g| g.memtable.late_samples()).sum::<u64>(),
            ..self.clone()
        }
    }

    /// From when on answers may be others once blocks that begin at `min_ms` come or go: where anything is downsampled,
    /// whole windows change their source, and those before them are read with them.
    pub(crate) fn reach_of(&self, min_ms: i64) -> i64 {
        let coarsest_ms = self.coarsest_ms();
        min_ms.saturating_sub(coarsest_ms.saturating_mul(2))
    }

    /// The coarsest resolution there is, 0 where nothing is downsampled.
    fn coarsest_ms(&self) -> i64 {
        let resolutions = self.blocks.iter().map(|b| b.meta().resolution_ms);
        resolutions.max().unwrap_or(0)
    }

    /// Samples that this process appended.
    pub(crate) fn samples(&self) -> u64 {
        let ours = self.generations.iter().filter(|g| !g.is_recovered());
        self.flushed + ours.map(|g| g.memtable.samples()).sum::<u64>()
    }

    /// Of these, samples that were not in order.
    pub(crate) fn late_samples(&self) -> u64 {
        let ours = self.generations.iter().filter(|g| !g.is_recovered());
        self.flushed_late + ours.map(|g| g.memtable.late_samples()).sum::<u64>()
    }
}

/// The present: what the next lease will see. Share it behind an `Arc`.
#[derive(Default)]
pub(crate) struct Present {
    now: Mutex<Now>,
    /// Told when batches become visible while somebody waits for that.
    advanced: Condvar,
}

#[derive(Default)]
struct Now {
    view: View,
    /// The number of the last batch that was begun.
    begun: u64,
    /// Batches begun and not applied yet.
    applying: BTreeSet<u64>,
    /// How many leases there are for each last visible batch.
    leases: BTreeMap<u64, usize>,
    /// From when on answers changed, by batch.
    changes: Changes,
}

impl Now {
    fn visible(&self) -> u64 {
        self.applying.first().map_or(self.begun, |first| first - 1)
    }

    /// The oldest batch that some lease, or one taken now, could have as its last.
    fn settled(&self) -> u64 {
        let oldest = self
            .leases
            .first_key_value()
            .map_or(u64::MAX, |(batch, _)| *batch);
        oldest.min(self.visible())
    }
}

impl Present {
    /// What there is now.
    pub(crate) fn view(&self) -> View {
        self.now.lock().view.clone()
    }

    /// Changes what there is for leases taken from now on, but nothing that they answer.
    pub(crate) fn change(&self, change: impl FnOnce(&View) -> View) {
        let mut now = self.now.lock();
        now.view = change(&now.view);
    }

    /// Puts blocks in the place of others that hold the same samples, or of a generation. That changes no answer, but where
    /// something is downsampled: there the times of blocks decide on what answers.
    pub(crate) fn exchange(&self, blocks: &[Arc<Block>], change: impl FnOnce(&View) -> View) {
        let min_ms = blocks.iter().map(|b| b.meta().min_ms).min();
        let view = self.view();
        match min_ms.filter(|_| view.coarsest_ms() > 0) {
            Some(min_ms) => self.change_from(view.reach_of(min_ms), change),
            None => self.change(change),
        }
    }

    /// Changes what there is where answers about times from `from_ms` on may be others afterwards.
    pub(crate) fn change_from(&self, from_ms: i64, change: impl FnOnce(&View) -> View) {
        let mut now = self.now.lock();
        now.view = change(&now.view);
        now.begun += 1;
        let number = now.begun;
        now.changes.note(number, from_ms);
    }

    /// The last batch or change that every lease taken from now on shows together with all before it.
    pub(crate) fn revision(&self) -> u64 {
        self.now.lock().visible()
    }

    /// The earliest time that a batch or change after `revision` touched, as far as those are concerned that show.
    pub(crate) fn changed_since(&self, revision: u64) -> Option<i64> {
        self.now.lock().changes.since(revision)
    }

    /// Begins a batch. It is invisible until dropped.
    pub(crate) fn begin(&self) -> Batch<'_> {
        let mut now = self.now.lock();
        now.begun += 1;
        let number = now.begun;
        now.applying.insert(number);
        Batch {
            present: self,
            number,
            oldest_ms: None,
        }
    }

    /// The batch up to which nobody sees less: rows up to it need not be told apart any more.
    pub(crate) fn settled(&self) -> u64 {
        self.now.lock().settled()
    }

    /// As if so many batches had been.
    #[cfg(test)]
    pub(crate) fn skip_to(&self, batch: u64) {
        self.now.lock().begun = batch;
    }

    /// Waits until a batch that is applied shows: until those before it are applied as well.
    fn wait_for(&self, batch: u64) {
        let mut now = self.now.lock();
        while now.visible() < batch {
            self.advanced.wait(&mut now);
        }
    }
}

/// A batch that is being applied.
pub(crate) struct Batch<'a> {
    present: &'a Present,
    pub(crate) number: u64,
    /// The earliest time of what it stored.
    oldest_ms: Option<i64>,
}

impl Batch<'_> {
    /// Says what the earliest time is of what the batch stored, `None` where it stored nothing.
    pub(crate) fn reaches_back_to(&mut self, oldest_ms: Option<i64>) {
        self.oldest_ms = oldest_ms;
    }

    /// Lets the batch show, and waits until it does.
    pub(crate) fn show(self) {
        let (present, number) = (self.present, self.number);
        drop(self);
        present.wait_for(number);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut now = self.present.now.lock();
        let oldest = now.applying.first() == Some(&self.number);
        now.applying.remove(&self.number);
        // Under the lock under which it begins to show.
        if let Some(oldest_ms) = self.oldest_ms {
            now.changes.note(self.number, oldest_ms);
        }
        drop(now);
        if oldest {
            self.present.advanced.notify_all();
        }
    }
}

/// A reader's hold on one moment.
pub(crate) struct Lease {
    present: Arc<Present>,
    /// The last batch it sees.
    pub(crate) visible: u64,
    pub(crate) view: View,
}

impl Lease {
    /// Takes hold of now.
    pub(crate) fn take(present: &Arc<Present>) -> Lease {
        let mut now = present.now.lock();
        let visible = now.visible();
        *now.leases.entry(visible).or_default() += 1;
        Lease {
            present: Arc::clone(present),
            visible,
            view: now.view.clone(),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut now = self.present.now.lock();
        if let Some(count) = now.leases.get_mut(&self.visible) {
            *count -= 1;
            if *count == 0 {
                now.leases.remove(&self.visible);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shows_once_all_before_it_are_applied() {
        let present = Arc::new(Present::default());
        let (first, second) = (present.begin(), present.begin());
        drop(second);
        assert_eq!(Lease::take(&present).visible, 0);
        first.show();
        assert_eq!(Lease::take(&present).visible, 2);
    }

    #[test]
    fn what_a_lease_sees_is_not_settled_beyond_it() {
        let present = Arc::new(Present::default());
        present.begin().show();
        let lease = Lease::take(&present);
        present.begin().show();
        assert_eq!(present.settled(), 1);
        drop(lease);
        assert_eq!(present.settled(), 2);
    }

    #[test]
    fn a_batch_counts_as_a_change_from_before_it_shows() {
        let present = Arc::new(Present::default());
        let (first, mut second) = (present.begin(), present.begin());
        second.reaches_back_to(Some(50));
        drop(second);
        // Nobody sees it yet, and who asked now must be told of it later.
        let revision = present.revision();
        assert_eq!((revision, Lease::take(&present).visible), (0, 0));
        assert_eq!(present.changed_since(revision), Some(50));
        first.show();
        assert_eq!(present.changed_since(revision), Some(50));
        let revision = present.revision();
        assert_eq!((revision, present.changed_since(revision)), (2, None));
        present.change_from(7, View::clone);
        assert_eq!(present.changed_since(revision), Some(7));
        assert_eq!(present.changed_since(present.revision()), None);
        present.change(View::clone);
        assert_eq!(present.changed_since(revision), Some(7));
    }

    #[test]
    fn whoever_shows_a_batch_waits_for_those_before() {
        let present = Arc::new(Present::default());
        let first = present.begin();
        let second = present.begin();
        std::thread::scope(|scope| {
            let shown = scope.spawn(|| second.show());
            while present.now.lock().applying.len() > 1 {
                std::thread::yield_now();
            }
            assert!(!shown.is_finished());
            drop(first);
            shown.join().unwrap();
        });
        assert_eq!(Lease::take(&present).visible, 2);
    }
}
