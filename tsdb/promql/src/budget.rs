//! What a query may use: samples and bytes in memory, time, and the patience of whoever asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::QueryError;

/// The bounds of one query and what it uses of them. All threads of a query share one.
#[derive(Debug)]
pub(crate) struct Budget {
    max_samples: u64,
    held: AtomicU64,
    deadline: Option<Instant>,
    cancel: Arc<AtomicBool>,
}

impl Budget {
    /// A budget of `max_samples` cells held at a time.
    pub(crate) fn new(max_samples: u64, deadline: Option<Instant>, cancel: Arc<AtomicBool>) -> Budget {
        Budget {
            max_samples,
            held: AtomicU64::new(0),
            deadline,
            cancel,
        }
    }

    /// Fails when the time is over or nobody waits any more. Cheap enough for every series.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(QueryError::Canceled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(QueryError::Timeout),
            _ => Ok(()),
        }
    }

    /// Takes room for `cells` samples.
    pub(crate) fn charge(&self, cells: usize) -> Result<(), QueryError> {
        let held = self
            .held
            .fetch_add(cells as u64, Ordering::Relaxed)
            .saturating_add(cells as u64);
        if held > self.max_samples {
            Err(QueryError::TooManySamples)
        } else {
            Ok(())
        }
    }

    /// What is held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Says that only `cells` are held beyond `before`: a node gave back all but its result.
    pub(crate) fn settle(&self, before: u64, cells: usize) -> Result<(), QueryError> {
        self.held.store(before, Ordering::Relaxed);
        self.charge(cells)
    }
}
