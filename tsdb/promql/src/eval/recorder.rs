//! What each node of a query cost, for whoever wants it explained.
//!
//! While a query is recorded its nodes are evaluated one after the other, each whole, so that each has a time of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::ast::Span;

/// What a node cost, its parts included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Series of its value.
    pub(crate) series: u64,
    /// Samples read from the store.
    pub(crate) samples: u64,
    /// Evaluated elsewhere in the query.
    pub(crate) shared: bool,
}

/// Costs by place in the query.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    costs: Mutex<FxHashMap<(u32, u32), Cost>>,
    samples: AtomicU64,
}

/// A node that has begun.
pub(crate) struct Begun {
    at: Instant,
    samples: u64,
}

impl Recorder {
    /// Counts samples read from the store.
    pub(super) fn read(&self, samples: usize) {
        self.samples.fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub(super) fn begin(&self) -> Begun {
        Begun {
            at: Instant::now(),
            samples: self.samples.load(Ordering::Relaxed),
        }
    }

    /// A node has its value. A node that is evaluated again, in a subquery, adds up.
    pub(super) fn end(&self, span: Span, begun: &Begun, series: usize, shared: bool) {
        let mut costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = costs.entry((span.start, span.end)).or_default();
        cost.time += begun.at.elapsed();
        cost.samples += self.samples.load(Ordering::Relaxed) - begun.samples;
        cost.series = series as u64;
        cost.shared = shared;
    }

    /// What the node at a place cost, where it was evaluated by itself.
    pub(crate) fn cost(&self, span: Span) -> Option<Cost> {
        let costs = self.costs.lock().unwrap_or_else(PoisonError::into_inner);
        costs.get(&(span.start, span.end)).copied()
    }
}
