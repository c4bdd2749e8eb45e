//! What the stores need now and then: syncing their logs, flushing, compaction, retention. The stores are
//! blocking libraries without threads of their own; this gives each two of the runtime's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::StoreError;
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
/// Units of upkeep in one go.
const MAX_UNITS: usize = 32;
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
    let jobs: [Job; 6] = [
        ("sync of metrics", sync_metrics, |s| s.metrics.sync()),
        ("sync of traces", SYNC_INTERVAL, |s| s.spans.sync()),
        ("sync of logs", SYNC_INTERVAL, |s| s.logs.sync()),
        ("upkeep of metrics", STEP_INTERVAL, |s| step(&s.metrics)),
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
            let mut failing = false;
            while !waited(interval, &stop).await {
                let stores = Arc::clone(&stores);
                let result = tokio::task::spawn_blocking(move || job(&stores)).await;
                let error = match result {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(panic) => Some(panic.to_string()),
                };
                // Told when it begins and when it ends, not every second in between.
                match (&error, failing) {
                    (Some(error), false) => tracing::error!(%error, "{name} fails"),
                    (None, true) => tracing::info!("{name} succeeds again"),
                    _ => {}
                }
                failing = error.is_some();
            }
        });
    }
}

/// Does what is due, and pauses after each unit for as long as it took: merging takes half a core at most, and leaves
/// the other half to whoever asks or appends.
fn step(metrics: &Tsdb) -> Result<(), StoreError> {
    for _ in 0..MAX_UNITS {
        let began = Instant::now();
        match metrics.step()? {
            // Memory is waiting for it.
            Some(Unit::Flushed(_)) => {}
            Some(_) => std::thread::sleep(began.elapsed().min(MAX_PAUSE)),
            None => break,
        }
    }
    Ok(())
}

/// Waits; true when it is time to stop.
async fn waited(interval: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(interval) => false,
        () = stop.cancelled() => true,
    }
}
