//! What is kept, within a bound of bytes.
//!
//! Answers that were asked for once only have a share of the room, and go first once they fill it, so that a look around
//! does not push out what dashboards ask for again and again. Every operation is short: nothing is evaluated under the lock around this.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::metrics::Revision;
use rustc_hash::FxHashMap;

use super::columns::Columns;
use super::instant::Instant;
use super::key::Key;

/// One answer takes at most this share of all room.
const LARGEST: usize = 4;

/// Answers asked for once have this share of all room to themselves.
const ON_PROBATION: usize = 4;

/// An answer, and how far writing had come before it was evaluated.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) answer: Answer,
    pub(super) revision: Revision,
}

/// What there is to keep.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Of a range query.
    Steps(Arc<Columns>),
    /// Of an instant query.
    Instant(Arc<Instant>),
}

impl Answer {
    fn bytes(&self) -> usize {
        match self {
            Answer::Steps(columns) => columns.bytes(),
            Answer::Instant(instant) => instant.bytes(),
        }
    }
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    bytes: usize,
    /// When it was asked for last, by count.
    turn: u64,
    /// Asked for more than once.
    proven: bool,
}

/// Entries by key.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    max_bytes: usize,
    kept: FxHashMap<Arc<Key>, Kept>,
    /// The oldest first; those asked for once, and the others.
    order: [BTreeMap<u64, Arc<Key>>; 2],
    turn: u64,
    /// What those asked for once take, and the others.
    bytes: [usize; 2],
    evicted: u64,
}

impl Shelf {
    pub(super) fn new(max_bytes: usize) -> Shelf {
        Shelf {
            max_bytes,
            ..Shelf::default()
        }
    }

    /// The entry of a key, if there is one; it was asked for.
    pub(super) fn get(&mut self, key: &Key) -> Option<Entry> {
        let (key, _) = self.kept.get_key_value(key)?;
        let key = Arc::clone(key);
        self.turn += 1;
        let kept = self.kept.get_mut(&key)?;
        let class = usize::from(kept.proven);
        self.order[class].remove(&kept.turn);
        self.bytes[class] -= kept.bytes;
        self.bytes[1] += kept.bytes;
        (kept.turn, kept.proven) = (self.turn, true);
        let entry = kept.entry.clone();
        self.order[1].insert(self.turn, key);
        Some(entry)
    }

    /// Keeps an entry instead of what has its key. Others go where room is needed.
    pub(super) fn put(&mut self, key: &Arc<Key>, entry: Entry) {
        let bytes = entry.answer.bytes() + key.bytes();
        let proven = self.remove(key);
        if bytes > self.largest() {
            return;
        }
        while self.bytes() + bytes > self.max_bytes {
            let Some(oldest) = self.next_to_go() else {
                break;
            };
            self.remove(&oldest);
            self.evicted += 1;
        }
        self.turn += 1;
        self.bytes[usize::from(proven)] += bytes;
        self.order[usize::from(proven)].insert(self.turn, Arc::clone(key));
        let turn = self.turn;
        let kept = Kept {
            entry,
            bytes,
            turn,
            proven,
        };
        self.kept.insert(Arc::clone(key), kept);
    }

    /// At most so many bytes one entry may have.
    pub(super) fn largest(&self) -> usize {
        self.max_bytes / LARGEST
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.order = Default::default();
        self.bytes = [0; 2];
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.iter().sum()
    }

    /// How many entries had to go for others.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn next_to_go(&self) -> Option<Arc<Key>> {
        let [once, proven] = &self.order;
        let crowded = self.bytes[0] > self.max_bytes / ON_PROBATION;
        let (first, then) = if crowded { (once, proven) } else { (proven, once) };
        first.values().chain(then.values()).next().cloned()
    }

    /// Forgets an entry; tells whether it had been asked for more than once.
    fn remove(&mut self, key: &Arc<Key>) -> bool {
        let Some(kept) = self.kept.remove(key) else {
            return false;
        };
        let class = usize::from(kept.proven);
        self.order[class].remove(&kept.turn);
        self.bytes[class] -= kept.bytes;
        kept.proven
    }
}

#[cfg(test)]
mod tests;
