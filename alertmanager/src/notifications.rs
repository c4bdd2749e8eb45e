//! The shell around the decisions: takes alerts, waits for groups to be due, delivers, and keeps on disk what a
//! restart must know.
//!
//! One lock guards all state and is held for decisions alone, never over I/O. One task waits for the next group
//! that is due and starts a task for each flush; within it every way of reaching the receiver has its own retry
//! loop, so a receiver that hangs delays nobody. Another task writes what changed. Alerts, silences and the
//! notification log survive a kill: a notification that went out is not repeated, one that did not go out goes
//! out, and the end of an alert is told even if it ended while nothing ran.

mod alerts;
mod core;
mod deliver;
mod files;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use durable::Fs;
use model::Clock;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::core::Core;
use self::files::Files;
use crate::alert::{Alert, AlertSink};
use crate::config::Config;
use crate::notify::{Notifiers, NotifyError};
use crate::silence::{NewSilence, Silence, SilenceError};

pub use alerts::MAX_ALERTS;
pub use deliver::{DeliveryStats, IntegrationStats};
pub use status::{AlertState, AlertView, GroupView, ReceiverView};

/// The longest wait for the next group: jumps of the clock are noticed within this time.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How often expired entries are dropped.
const COLLECT_INTERVAL_MS: i64 = 60_000;
/// How long shutdown waits for deliveries that are under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// What notifications need to run.
pub struct NotificationsOptions {
    /// Where alerts go.
    pub config: Config,
    /// Where people reach this server, for links in messages; no slash at the end.
    pub external_url: String,
    /// The folder that alerts, silences and the notification log are kept in; made if absent.
    pub data_dir: PathBuf,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The disk.
    pub fs: Arc<dyn Fs>,
}

/// Why notifications cannot start or take a new configuration.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotificationsError {
    /// A template or a client setting cannot be used.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] durable::DurableError),
}

/// Routes, groups, mutes and delivers alerts. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Notifications(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    notifiers: RwLock<Arc<Notifiers>>,
    files: Files,
    clock: Arc<dyn Clock>,
    external_url: Arc<str>,
    /// Something is due sooner than the dispatcher thinks.
    wake: Notify,
    /// Something on disk is out of date.
    changed: Notify,
    /// Ends both loops.
    stop: CancellationToken,
    /// Ends the retries of deliveries; renewed with each configuration.
    deliveries: Mutex<CancellationToken>,
    tasks: TaskTracker,
    stats: deliver::Stats,
    turns: deliver::Turns,
}

impl Notifications {
    /// Reads what was kept and begins to work. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A template does not parse, a client cannot be made, or the folder cannot be used. Files that are corrupt
    /// are set aside and reported in the log: alerting goes on without them.
    pub fn start(options: NotificationsOptions) -> Result<Notifications, NotificationsError> {
        let clock = options.clock;
        let notifiers = Notifiers::build(&options.config, &options.external_url, &clock)?;
        let files = Files::open(options.fs, options.data_dir, clock.clone())?;
        let now_ms = clock.now_ms();
        let kept = files.load(now_ms, options.config.resolve_timeout_ms)?;
        let core = Core::restore(Arc::new(options.config), kept, now_ms);
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            notifiers: RwLock::new(Arc::new(notifiers)),
            files,
            clock,
            external_url: options.external_url.into(),
            wake: Notify::new(),
            changed: Notify::new(),
            deliveries: Mutex::new(stop.child_token()),
            stop,
            tasks: TaskTracker::new(),
            stats: deliver::Stats::default(),
            turns: deliver::Turns::default(),
        });
        shared.tasks.spawn(dispatch_loop(shared.clone()));
        shared.tasks.spawn(files::write_loop(shared.clone()));
        Ok(Notifications(shared))
    }

    /// Goes on with another configuration. Alerts, silences and the notification log stay; groups are made anew
    /// and told only what is news.
    ///
    /// # Errors
    /// A template does not parse or a client cannot be made; the old configuration stays in force.
    pub fn reload(&self, config: Config) -> Result<(), NotificationsError> {
        let shared = &self.0;
        let notifiers = Arc::new(Notifiers::build(&config, &shared.external_url, &shared.clock)?);
        let now_ms = shared.clock.now_ms();
        let mut core = shared.core.lock();
        core.replace_config(Arc::new(config), now_ms);
        *shared.notifiers.write() = notifiers;
        // Retries under the old configuration end; a request on its way is waited for and recorded, and the group
        // made anew waits for it before it decides whether there is anything to tell.
        let renewed = shared.stop.child_token();
        std::mem::replace(&mut *shared.deliveries.lock(), renewed).cancel();
        drop(core);
        shared.wake.notify_one();
        Ok(())
    }

    /// Stops: deliveries under way get a moment to end, then everything is written. What was not delivered is
    /// delivered after the next start.
    pub async fn shutdown(&self) {
        let shared = &self.0;
        shared.stop.cancel();
        shared.tasks.close();
        if tokio::time::timeout(SHUTDOWN_GRACE, shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("notifications still under way at shutdown are left to the next start");
        }
        let shared = shared.clone();
        let written = tokio::task::spawn_blocking(move || shared.files.save_changed(&shared.core)).await;
        if let Ok(Err(error)) = written {
            tracing::error!(%error, "state of notifications was not written at shutdown");
        }
    }

    /// Every silence that is kept, expired ones included.
    pub fn silences(&self) -> Vec<Arc<Silence>> {
        self.0.core.lock().silences.iter().cloned().collect()
    }

    /// The silence with an id.
    pub fn silence(&self, id: &str) -> Option<Arc<Silence>> {
        self.0.core.lock().silences.get(id).cloned()
    }

    /// Makes a silence or changes one; gives its id once it is on disk.
    ///
    /// # Errors
    /// What is asked for is impossible or cannot be stored.
    pub async fn set_silence(&self, asked: NewSilence) -> Result<String, SilenceError> {
        let now_ms = self.0.clock.now_ms();
        let id = self.0.core.lock().set_silence(asked, now_ms)?;
        self.store_silences().await?;
        Ok(id)
    }

    /// Ends a silence.
    ///
    /// # Errors
    /// There is none, it is over, or the change cannot be stored.
    pub async fn expire_silence(&self, id: &str) -> Result<(), SilenceError> {
        let now_ms = self.0.clock.now_ms();
        self.0.core.lock().expire_silence(id, now_ms)?;
        self.store_silences().await
    }

    async fn store_silences(&self) -> Result<(), SilenceError> {
        let shared = self.0.clone();
        let stored = tokio::task::spawn_blocking(move || shared.files.save_silences(&shared.core)).await;
        match stored {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SilenceError::NotStored(error.to_string())),
            Err(error) => Err(SilenceError::NotStored(error.to_string())),
        }
    }

    /// What was delivered and what was not, since the start.
    pub fn delivery_stats(&self) -> DeliveryStats {
        self.0.stats.snapshot()
    }
}

/// Alerts are merged into the state at once; nothing waits on a disk or a socket.
impl AlertSink for Notifications {
    fn alerts(&self, alerts: Vec<Alert>) {
        let shared = &self.0;
        let received = alerts.len() as u64;
        let dropped = shared.core.lock().accept(alerts, shared.clock.now_ms());
        shared.stats.count_alerts(received, dropped);
        if dropped > 0 {
            tracing::error!(
                dropped,
                "alerts were dropped: there are too many alerts or groups"
            );
        }
        shared.wake.notify_one();
        shared.changed.notify_one();
    }
}

async fn dispatch_loop(shared: Arc<Shared>) {
    let mut collected_at_ms = shared.clock.now_ms();
    while !shared.stop.is_cancelled() {
        let now_ms = shared.clock.now_ms();
        let (flushes, generation, next_due_ms) = {
            let mut core = shared.core.lock();
            if now_ms.saturating_sub(collected_at_ms).abs() >= COLLECT_INTERVAL_MS {
                core.collect(now_ms);
                collected_at_ms = now_ms;
                shared.changed.notify_one();
            }
            (core.plan(now_ms), core.generation, core.next_due_ms())
        };
        for flush in flushes {
            shared
                .tasks
                .spawn(deliver::flush(shared.clone(), flush, generation));
        }
        let wait = next_due_ms.map_or(MAX_WAIT, |due_ms| {
            Duration::from_millis(due_ms.saturating_sub(now_ms).max(0).unsigned_abs()).min(MAX_WAIT)
        });
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests;
