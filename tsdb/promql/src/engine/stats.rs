//! What Prometheus' API tells of a query that is asked for its statistics.

use std::time::Instant;

use crate::eval::{Counts, Steps};

/// What a query cost.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryStats {
    /// Where the time went.
    pub timings: QueryTimings,
    /// Samples that steps looked at; a sample within several windows counts for each.
    pub total_queryable_samples: u64,
    /// The same by step, each with its time in milliseconds since the epoch.
    pub total_queryable_samples_per_step: Vec<(i64, u64)>,
    /// Samples read from the store.
    pub samples_read: u64,
    /// The same by step: what was new to it.
    pub samples_read_per_step: Vec<(i64, u64)>,
    /// The most samples held at a time.
    pub peak_samples: u64,
}

/// Where a query's time went, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QueryTimings {
    /// Preparation, evaluation and sorting.
    pub eval_total: f64,
    /// Sorting of the result; part of the evaluation here.
    pub result_sort: f64,
    /// Before evaluation: durations, the store's snapshot.
    pub query_preparation: f64,
    /// Evaluation itself.
    pub inner_eval: f64,
    /// Waiting for its turn: whoever lets queries wait sets it.
    pub exec_queue: f64,
    /// All of it.
    pub exec_total: f64,
}

/// The statistics of a query that has just been evaluated.
pub(super) fn told(
    counts: &Counts,
    peak_samples: u64,
    steps: Steps,
    (began, prepared): (Instant, Instant),
) -> QueryStats {
    let seconds = |from: Instant| from.elapsed().as_secs_f64();
    let total = seconds(began);
    let by_step = |counts: &[u64]| steps.iter().zip(counts.iter().copied()).collect();
    QueryStats {
        timings: QueryTimings {
            eval_total: total,
            query_preparation: prepared.duration_since(began).as_secs_f64(),
            inner_eval: seconds(prepared),
            exec_total: total,
            ..QueryTimings::default()
        },
        total_queryable_samples: counts.queryable.iter().sum(),
        total_queryable_samples_per_step: by_step(&counts.queryable),
        samples_read: counts.read.iter().sum(),
        samples_read_per_step: by_step(&counts.read),
        peak_samples,
    }
}
