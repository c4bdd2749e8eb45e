//! What was read of blocks, shared by all of them within a bound of bytes.
//!
//! Sixteen shards, each a table of entries under a lock with a clock hand: an entry that was asked for since the hand
//! came by is passed over once, the others go. Loading happens outside the lock; two who miss at once both load. Cost:
//! a hash and a short lock for a hit.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

const SHARDS: usize = 16;

/// What an entry costs beside its content, roughly.
const ENTRY_OVERHEAD: usize = 96;

/// A part of a block: whose, of which kind, which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) block: u64,
    pub(super) kind: u8,
    pub(super) at: u64,
}

/// Something that can lie in the cache.
pub(super) trait Cached: Any + Send + Sync {
    /// Its size in bytes, roughly.
    fn bytes(&self) -> usize;
}

/// A cache for the parts of all blocks of a store.
pub struct BlockCache {
    budget: usize,
    next_block: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    places: FxHashMap<Key, usize>,
    entries: Vec<Entry>,
    hand: usize,
    bytes: usize,
}

struct Entry {
    key: Key,
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
    asked: bool,
}

impl BlockCache {
    /// 16 MiB.
    pub const DEFAULT_BYTES: usize = 16 << 20;

    /// An empty cache that holds at most `budget` bytes. What is larger than a shard's part of it is not kept.
    pub fn new(budget: usize) -> BlockCache {
        BlockCache {
            budget,
            next_block: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// The bound in bytes.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// What it holds now, in bytes.
    pub fn used_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().bytes).sum()
    }

    /// A number for a block that was opened: unlike its id, never used twice.
    pub(super) fn register(&self) -> u64 {
        self.next_block.fetch_add(1, Ordering::Relaxed)
    }

    /// Drops all that belongs to a block.
    pub(super) fn forget(&self, block: u64) {
        for shard in &self.shards {
            shard.lock().retain(|key| key.block != block);
        }
    }

    pub(super) fn get<T: Cached>(&self, key: Key) -> Option<Arc<T>> {
        let value = {
            let mut shard = self.shard(key).lock();
            let place = *shard.places.get(&key)?;
            let entry = shard.entries.get_mut(place)?;
            entry.asked = true;
            Arc::clone(&entry.value)
        };
        value.downcast().ok()
    }

    pub(super) fn put<T: Cached>(&self, key: Key, value: Arc<T>) {
        let bytes = value.bytes() + ENTRY_OVERHEAD;
        let limit = self.budget / SHARDS;
        if bytes <= limit {
            let entry = Entry {
                key,
                value,
                bytes,
                asked: false,
            };
            self.shard(key).lock().put(entry, limit);
        }
    }

    /// The entry, loaded where it is not there.
    pub(super) fn get_or_load<T: Cached, E>(
        &self,
        key: Key,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let value = Arc::new(load()?);
        self.put(key, Arc::clone(&value));
        Ok(value)
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        let mixed =
            (key.at ^ (key.block << 40) ^ (u64::from(key.kind) << 56)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(mixed >> 60) as usize % SHARDS]
    }
}

impl Shard {
    fn put(&mut self, entry: Entry, limit: usize) {
        if let Some(&place) = self.places.get(&entry.key) {
            self.remove(place);
        }
        while self.bytes + entry.bytes > limit && !self.entries.is_empty() {
            self.evict();
        }
        self.bytes += entry.bytes;
        self.places.insert(entry.key, self.entries.len());
        self.entries.push(entry);
    }

    /// Turns the hand to the next entry that nobody asked for, and removes it.
    fn evict(&mut self) {
        loop {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            match self.entries.get_mut(self.hand) {
                Some(entry) if entry.asked => {
                    entry.asked = false;
                    self.hand += 1;
                }
                Some(_) => {
                    // The newest takes its place, and has a whole turn of the hand until it must have been asked for.
                    self.remove(self.hand);
                    self.hand += 1;
                    return;
                }
                None => return,
            }
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.entries.swap_remove(place);
        self.places.remove(&gone.key);
        self.bytes -= gone.bytes;
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.key, place);
        }
    }

    fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        let mut place = 0;
        while let Some(entry) = self.entries.get(place) {
            if keep(&entry.key) {
                place += 1;
            } else {
                self.remove(place);
            }
        }
    }
}

impl std::fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockCache({} of {} bytes)", self.used_bytes(), self.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Weight(usize);

    impl Cached for Weight {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn key(block: u64, at: u64) -> Key {
        Key { block, kind: 1, at }
    }

    #[test]
    fn the_bound_holds_and_what_is_asked_for_stays() {
        let cache = BlockCache::new(SHARDS * 4096);
        let load = |at: u64| {
            cache
                .get_or_load::<Weight, ()>(key(0, at), || Ok(Weight(100)))
                .unwrap()
        };
        for at in 0..10_000 {
            load(at);
            load(7);
        }
        assert!(cache.used_bytes() <= SHARDS * 4096, "{cache:?}");
        assert!(cache.used_bytes() > SHARDS * 2048, "{cache:?}");
        assert!(cache.get::<Weight>(key(0, 7)).is_some());
        assert!(cache.get::<Weight>(key(0, 8)).is_none());
    }

    #[test]
    fn what_is_new_replaces_what_nobody_asks_for_any_more() {
        let cache = BlockCache::new(SHARDS * 4096);
        let load = |at: u64| cache.get_or_load::<Weight, ()>(key(0, at), || Ok(Weight(100)));
        for at in (0..10_000).chain(0..10_000) {
            load(at).unwrap();
        }
        // A third of what fits, asked for in turns: none may drive out the other.
        let fits = cache.used_bytes() as u64 / 200;
        for _ in 0..3 {
            (20_000..20_000 + fits / 3).for_each(|at| drop(load(at).unwrap()));
        }
        let kept = (20_000..20_000 + fits / 3).filter(|at| cache.get::<Weight>(key(0, *at)).is_some());
        assert!(kept.count() as u64 > fits / 3 * 9 / 10, "{cache:?}");
    }

    #[test]
    fn what_exceeds_a_shard_is_not_kept_and_a_forgotten_block_leaves_nothing() {
        let cache = BlockCache::new(SHARDS * 4096);
        cache.put(key(0, 0), Arc::new(Weight(5000)));
        assert_eq!(cache.used_bytes(), 0);
        for at in 0..100 {
            cache.put(key(at % 2, at), Arc::new(Weight(10)));
        }
        cache.forget(0);
        assert!((0..100).all(|at| cache.get::<Weight>(key(at % 2, at)).is_some() == (at % 2 == 1)));
        cache.forget(1);
        assert_eq!(cache.used_bytes(), 0);
    }
}
