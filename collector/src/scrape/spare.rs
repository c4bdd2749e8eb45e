//! Memory that one scrape leaves to the next, of whatever target: thousands of targets are scraped one after the
//! other, so a few buffers serve them all, and none is held while a target rests.

use parking_lot::Mutex;

/// More than are in use at once on any machine; what comes back beyond is freed.
const MAX_KEPT: usize = 16;

/// A few things that are not in use.
#[derive(Debug)]
pub(super) struct Spare<T>(Mutex<Vec<T>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Spare(Mutex::default())
    }
}

impl<T: Default> Spare<T> {
    /// One that was given back, or a new one.
    pub(super) fn take(&self) -> T {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Gives one back. It must be empty but for its memory.
    pub(super) fn give(&self, thing: T) {
        let mut kept = self.0.lock();
        if kept.len() < MAX_KEPT {
            kept.push(thing);
        }
    }
}

/// A larger buffer is freed after use: pages beyond are rare, and so is the time that making one takes beside parsing it.
const MAX_BUFFER: usize = 1 << 20;

impl Spare<Vec<u8>> {
    /// Gives a buffer back, whatever is in it.
    pub(super) fn give_buffer(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() > 0 && buffer.capacity() <= MAX_BUFFER {
            buffer.clear();
            self.give(buffer);
        }
    }
}
