//! What a query may use: samples and bytes in memory, time, and the patience of whoever asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::QueryError;

/// What a query may use at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// Samples held at a time, counted as upstream does.
    pub(crate) max_samples: u64,
    /// Bytes held at a time; 0 for no bound.
    pub(crate) max_bytes: u64,
    /// When the answer must be there.
    pub(crate) deadline: Option<Instant>,
    /// Set by whoever no longer waits.
    pub(crate) cancel: Arc<AtomicBool>,
}

/// The limits of one query and what it uses of them. All threads of a query share one.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    samples: AtomicU64,
    peak: AtomicU64,
    bytes: AtomicU64,
    /// Bytes of results that other nodes will ask for again.
    aside: AtomicU64,
    /// One of the query's threads has failed: the others need not go on.
    stopped: AtomicBool,
}

/// What is held at some point of the evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    samples: u64,
    bytes: u64,
}

impl Budget {
    /// A budget with nothing used.
    pub(crate) fn new(limits: Limits) -> Budget {
        Budget {
            limits,
            samples: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            aside: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Fails when the time is over or nobody waits any more. Cheap enough for every series.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.limits.cancel.load(Ordering::Relaxed) || self.stopped.load(Ordering::Relaxed) {
            return Err(QueryError::Canceled);
        }
        match self.limits.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(QueryError::Timeout),
            _ => Ok(()),
        }
    }

    /// Ends the query's other threads.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Takes room for `cells` samples.
    pub(crate) fn charge(&self, cells: usize) -> Result<(), QueryError> {
        let cells = cells as u64;
        let held = self
            .samples
            .fetch_add(cells, Ordering::Relaxed)
            .saturating_add(cells);
        self.see_samples(held)
    }

    /// Says that `cells` more are held for a moment.
    pub(crate) fn touch(&self, cells: usize) -> Result<(), QueryError> {
        self.see_samples(self.samples.load(Ordering::Relaxed).saturating_add(cells as u64))
    }

    fn see_samples(&self, held: u64) -> Result<(), QueryError> {
        self.peak.fetch_max(held, Ordering::Relaxed);
        if held > self.limits.max_samples {
            Err(QueryError::TooManySamples)
        } else {
            Ok(())
        }
    }

    /// Takes room for so many bytes. Asked before they are allocated where that is much.
    pub(crate) fn hold_bytes(&self, bytes: usize) -> Result<(), QueryError> {
        let bytes = bytes as u64;
        let held = self
            .bytes
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        self.see_bytes(held)
    }

    /// Gives back so many bytes that were taken.
    pub(crate) fn give_back_bytes(&self, bytes: usize) {
        let less = |held: u64| Some(held.saturating_sub(bytes as u64));
        // Always changes, for it always says how.
        let _ = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Takes room for what is held beyond the node that made it, until it is given back.
    pub(crate) fn put_aside(&self, bytes: usize) -> Result<(), QueryError> {
        self.aside.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch_bytes(0)
    }

    /// Gives back what was put aside.
    pub(crate) fn take_back(&self, bytes: usize) {
        self.aside.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Says that so many bytes more are held for a moment.
    pub(crate) fn touch_bytes(&self, bytes: usize) -> Result<(), QueryError> {
        self.see_bytes(self.bytes.load(Ordering::Relaxed).saturating_add(bytes as u64))
    }

    fn see_bytes(&self, held: u64) -> Result<(), QueryError> {
        let held = held.saturating_add(self.aside.load(Ordering::Relaxed));
        if self.limits.max_bytes > 0 && held > self.limits.max_bytes {
            let limit = self.limits.max_bytes;
            return Err(QueryError::TooMuchMemory { limit });
        }
        Ok(())
    }

    /// What is held now.
    pub(crate) fn held(&self) -> Held {
        Held {
            samples: self.samples.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// The most samples that were held at a time.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Says that only `cells` and `bytes` are held beyond `before`: a node gave back all but its result.
    pub(crate) fn settle(&self, before: Held, cells: usize, bytes: usize) -> Result<(), QueryError> {
        self.samples.store(before.samples, Ordering::Relaxed);
        self.bytes.store(before.bytes, Ordering::Relaxed);
        self.charge(cells)?;
        self.hold_bytes(bytes)
    }
}
