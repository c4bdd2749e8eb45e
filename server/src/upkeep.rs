//! What the stores need now and then: syncing their logs, flushing, compaction, retention. The stores are
//! blocking libraries without threads of their own; this gives them some of the runtime's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Clock, StoreError, SystemClock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tsdb::{Fsync, Tsdb, Unit};

use crate::stores::Stores;

/// What a loss of power can cost at most.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How often a store looks whether there is something to cut, merge or remove.
const MAINTAIN_INTERVAL: Duration = Duration::from_secs(10);

/// How often the metrics store looks: samples come in faster than anything else.
const STEP_INTERVAL: Duration = Duration::from_secs(1);
/// No longer a pause between two units.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// What it is called, how often it is done, and what is done.
type Job = (&'static str, Duration, fn(&Stores) -> Result<(), StoreError>);

/// Starts the upkeep of all stores; it ends with `stop`, after what is under way.
pub(crate) fn start(stores: &Arc<Stores>, tasks: &TaskTracker, stop: &CancellationToken) {
    let sync_metrics = match stores.metrics.options().fsync {
        Fsync::Always => SYNC_INTERVAL,
        Fsync::Every(ms) => Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1)),
    };
    let jobs: [Job; 7] = [
        ("sync of metrics", sync_metrics, |s| s.metrics.sync()),
        ("sync of exemplars", SYNC_INTERVAL, |s| s.exemplars.sync()),
        ("upkeep of exemplars", MAINTAIN_INTERVAL, |s| {
            s.exemplars.maintain(SystemClock.now_ms())
        }),
        ("sync of traces", SYNC_INTERVAL, |s| s.spans.sync()),
        ("sync of logs", SYNC_INTERVAL, |s| s.logs.sync()),
        ("upkeep of traces", MAINTAIN_INTERVAL, |s| {
            s.spans.maintain().map(drop)
        }),
        ("upkeep of logs", MAINTAIN_INTERVAL, |s| {
            s.logs.maintain().map(drop)
        }),
    ];
    for (name, interval, job) in jobs {
        let (stores, stop) = (Arc::clone(stores), stop.clone());
        tasks.spawn(async move {
            let mut health = Health::new(name);
            while !waited(interval, &stop).await {
                let stores = Arc::clone(&stores);
                health.note(blocking(move || job(&stores)).await.err().as_deref());
            }
        });
    }
    tasks.spawn(step(Arc::clone(&stores.metrics), stop.clone()));
}

/// The upkeep of metrics, unit by unit. After each that merges it pauses for as long as that took: merging takes half a
/// core at most, and leaves the other half to whoever asks or appends.
async fn step(metrics: Arc<Tsdb>, stop: CancellationToken) {
    let mut health = Health::new("upkeep of metrics");
    let mut pause = STEP_INTERVAL;
    while !waited(pause, &stop).await {
        let metrics = Arc::clone(&metrics);
        let began = Instant::now();
        let unit = blocking(move || metrics.step()).await;
        pause = match unit {
            // Memory is waiting for it.
            Ok(Some(Unit::Flushed(_))) => Duration::ZERO,
            Ok(Some(_)) => began.elapsed().min(MAX_PAUSE),
            Ok(None) | Err(_) => STEP_INTERVAL,
        };
        health.note(unit.err().as_deref());
    }
}

/// Runs what may block; a panic is an error as well.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

/// Whether a job fails: told when it begins and when it ends, not every second in between.
struct Health {
    name: &'static str,
    failing: bool,
}

impl Health {
    fn new(name: &'static str) -> Health {
        Health { name, failing: false }
    }

    fn note(&mut self, error: Option<&str>) {
        match (error, self.failing) {
            (Some(error), false) => tracing::error!(%error, "{} fails", self.name),
            (None, true) => tracing::info!("{} succeeds again", self.name),
            _ => {}
        }
        self.failing = error.is_some();
    }
}

/// Waits; true when it is time to stop.
async fn waited(interval: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(interval) => false,
        () = stop.cancelled() => true,
    }
}
