//! Which data a reader sees: batches up to a number, and head and blocks divided at one place.
//!
//! Every batch has a number. A reader takes a [`Lease`]: the last committed number, the blocks of that moment and
//! the [`Floor`] up to which they stand in for the head. While a lease lives the head keeps what the lease may ask
//! for, so later batches, cuts and compactions neither show nor tear holes. Cost: a short lock to begin and to end.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::block::Block;

/// Everything before `floor_ms` in batches up to `batch` is in blocks; the rest is in the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Floor {
    pub(crate) floor_ms: i64,
    pub(crate) batch: u64,
}

impl Floor {
    /// Nothing is in blocks.
    pub(crate) const NONE: Floor = Floor {
        floor_ms: i64::MIN,
        batch: 0,
    };

    /// Whether a sample of the head has gone into a block.
    pub(crate) fn covers(self, timestamp_ms: i64, batch: u64) -> bool {
        timestamp_ms < self.floor_ms && batch <= self.batch
    }

    /// The floor that covers what both cover, where one follows from the other by later cuts.
    fn lower(self, other: Floor) -> Floor {
        Floor {
            floor_ms: self.floor_ms.min(other.floor_ms),
            batch: self.batch.min(other.batch),
        }
    }
}

/// What of the head is visible: batches up to `batch`, less what `floor` covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) batch: u64,
    pub(crate) floor: Floor,
}

/// The present: what the next lease will see.
pub(crate) struct Present {
    committed: u64,
    floor: Floor,
    blocks: Arc<Vec<Arc<Block>>>,
    leases: BTreeMap<u64, View>,
    next_lease: u64,
}

impl Present {
    pub(crate) fn new(committed: u64, floor: Floor, blocks: Vec<Arc<Block>>) -> Self {
        Present {
            committed,
            floor,
            blocks: Arc::new(blocks),
            leases: BTreeMap::new(),
            next_lease: 0,
        }
    }

    /// The number of the last committed batch.
    pub(crate) fn committed(&self) -> u64 {
        self.committed
    }

    /// Lets the batch show to leases taken from now on.
    pub(crate) fn commit(&mut self, batch: u64) {
        self.committed = batch;
    }

    pub(crate) fn floor(&self) -> Floor {
        self.floor
    }

    pub(crate) fn blocks(&self) -> Arc<Vec<Arc<Block>>> {
        Arc::clone(&self.blocks)
    }

    /// Puts `added` in the place of `removed`, and the floor with them, in one step.
    pub(crate) fn replace(
        &mut self,
        removed: &[u64],
        added: impl IntoIterator<Item = Arc<Block>>,
        floor: Floor,
    ) {
        let kept = self
            .blocks
            .iter()
            .filter(|b| !removed.contains(&b.meta().id))
            .cloned();
        let mut blocks: Vec<Arc<Block>> = kept.chain(added).collect();
        blocks.sort_by_key(|b| b.meta().id);
        self.blocks = Arc::new(blocks);
        self.floor = floor;
    }

    /// The oldest batch that some lease, or one taken now, could have as its last.
    pub(crate) fn oldest_batch(&self) -> u64 {
        self.leases
            .values()
            .map(|v| v.batch)
            .fold(self.committed, u64::min)
    }

    /// What no lease will ask the head for any more.
    pub(crate) fn oldest_floor(&self) -> Floor {
        self.leases
            .values()
            .map(|v| v.floor)
            .fold(self.floor, Floor::lower)
    }
}

/// A reader's hold on one moment.
pub(crate) struct Lease {
    present: Arc<Mutex<Present>>,
    id: u64,
    pub(crate) view: View,
    pub(crate) blocks: Arc<Vec<Arc<Block>>>,
}

impl Lease {
    /// Takes hold of now.
    pub(crate) fn take(present: &Arc<Mutex<Present>>) -> Lease {
        let mut now = present.lock();
        let view = View {
            batch: now.committed,
            floor: now.floor,
        };
        let id = now.next_lease;
        now.next_lease += 1;
        now.leases.insert(id, view);
        Lease {
            present: Arc::clone(present),
            id,
            view,
            blocks: now.blocks(),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.present.lock().leases.remove(&self.id);
    }
}
