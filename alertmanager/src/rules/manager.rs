//! The shell around groups: a task and a ticker each, evaluation on blocking threads, and reloading.
//!
//! Groups tick on a grid of their interval, shifted by a hash of their name, so that they do not all query at
//! once and each evaluates at the same moments after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use model::{Clock, Labels};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::xxh3_64;

use super::group::end_series;
use super::{Group, GroupStatus, Outputs, RuleFile, RuleGroup, Settings};

/// How many of its intervals a removed group's series live on, unless another group goes on writing them.
const REMOVED_INTERVALS: i64 = 2;

/// File and name.
type Key = (String, String);

/// Evaluates the rules of all files until it is shut down.
pub struct Manager {
    outputs: Outputs,
    clock: Arc<dyn Clock>,
    groups: Arc<Mutex<BTreeMap<Key, Running>>>,
    /// One reload at a time; says whether there was one before.
    reload: tokio::sync::Mutex<bool>,
    /// In the order of the files and of the groups in them.
    order: ArcSwap<Vec<Key>>,
    stop: CancellationToken,
}

/// A group with its task.
struct Running {
    /// What it was made of, to tell whether a reload changes it.
    spec: RuleGroup,
    settings: Settings,
    cell: Arc<Cell>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A group, locked while it is evaluated, and its picture, which is not.
struct Cell {
    group: Mutex<Option<Group>>,
    status: ArcSwap<GroupStatus>,
}

impl Manager {
    /// A manager without rules.
    pub fn new(outputs: Outputs, clock: Arc<dyn Clock>) -> Manager {
        Manager {
            outputs,
            clock,
            groups: Arc::default(),
            reload: tokio::sync::Mutex::new(false),
            order: ArcSwap::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Evaluates the groups of these files from now on, and no others. Groups that did not change go on
    /// undisturbed, others keep the state of the rules they still have. The first call takes alerts of before
    /// a restart into account. Must be called within a tokio runtime.
    pub async fn apply(&self, files: Vec<RuleFile>, settings: &Settings) {
        let mut reloaded = self.reload.lock().await;
        let restoring = !std::mem::replace(&mut *reloaded, true);
        let mut order = Vec::new();
        for file in files {
            for spec in file.groups {
                let key = (file.path.clone(), spec.name.clone());
                if order.contains(&key) {
                    continue;
                }
                order.push(key.clone());
                if self
                    .groups
                    .lock()
                    .get(&key)
                    .is_some_and(|r| r.spec == spec && r.settings == *settings)
                {
                    continue;
                }
                let mut group = Group::new(&file.path, spec.clone(), settings.clone(), restoring);
                let old = self.groups.lock().remove(&key);
                if let Some(old) = old
                    && let Some(old) = old.halt().await
                {
                    group.take_over(old);
                }
                let (cell, stop, task) = self.start(group);
                let running = Running {
                    spec,
                    settings: settings.clone(),
                    cell,
                    stop,
                    task,
                };
                self.groups.lock().insert(key, running);
            }
        }
        let wanted: BTreeSet<&Key> = order.iter().collect();
        let unwanted: Vec<Key> = self
            .groups
            .lock()
            .keys()
            .filter(|k| !wanted.contains(k))
            .cloned()
            .collect();
        for key in unwanted {
            let running = self.groups.lock().remove(&key);
            if let Some(running) = running
                && let Some(group) = running.halt().await
            {
                self.end_later(&group);
            }
        }
        self.order.store(Arc::new(order));
    }

    /// The groups as they were after their last evaluation. Never waits for an evaluation.
    pub fn groups_status(&self) -> Vec<Arc<GroupStatus>> {
        let groups = self.groups.lock();
        self.order
            .load()
            .iter()
            .filter_map(|key| groups.get(key))
            .map(|r| r.cell.status.load_full())
            .collect()
    }

    /// Stops all groups, cancelling the queries under way. Series do not end: they go on after a restart.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.outputs.querier.cancel();
        let _one_at_a_time = self.reload.lock().await;
        let groups = std::mem::take(&mut *self.groups.lock());
        for running in groups.into_values() {
            running.halt().await;
        }
    }

    fn start(&self, group: Group) -> (Arc<Cell>, CancellationToken, JoinHandle<()>) {
        let stop = self.stop.child_token();
        let interval_ms = group.interval_ms();
        let offset_ms = phase_ms(group.key(), interval_ms);
        let status = ArcSwap::from_pointee(group.status());
        let cell = Arc::new(Cell {
            group: Mutex::new(Some(group)),
            status,
        });
        let ticker = Ticker {
            cell: cell.clone(),
            outputs: self.outputs.clone(),
            clock: self.clock.clone(),
            stop: stop.clone(),
            interval_ms,
            offset_ms,
        };
        (cell, stop, tokio::spawn(ticker.run()))
    }

    /// Ends the series of a removed group after a while, unless some group has taken them over by then.
    fn end_later(&self, group: &Group) {
        let (series, wait_ms) = (
            group.series(),
            group.interval_ms().saturating_mul(REMOVED_INTERVALS),
        );
        if series.is_empty() {
            return;
        }
        let (groups, sink, stop) = (self.groups.clone(), self.outputs.sink.clone(), self.stop.clone());
        let clock = self.clock.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(millis(wait_ms)) => {}
            }
            let ending = tokio::task::spawn_blocking(move || {
                let cells: Vec<Arc<Cell>> = groups.lock().values().map(|r| r.cell.clone()).collect();
                let live =
                    |cell: &Arc<Cell>| cell.group.lock().as_ref().map(Group::series).unwrap_or_default();
                let live: BTreeSet<Labels> = cells.iter().flat_map(live).collect();
                let ending = series
                    .into_iter()
                    .filter(|labels| !live.contains(labels))
                    .collect();
                end_series(ending, clock.now_ms(), &*sink);
            });
            if let Err(why) = ending.await {
                tracing::error!(error = %why, "ending the series of a removed group failed");
            }
        });
    }
}

impl Running {
    /// Stops the task, after the evaluation under way, and gives the group back.
    async fn halt(self) -> Option<Group> {
        self.stop.cancel();
        if let Err(why) = self.task.await {
            tracing::error!(error = %why, "a rule group's task failed");
        }
        self.cell.group.lock().take()
    }
}

/// Where on the grid of its interval a group ticks, milliseconds.
fn phase_ms((file, name): (&str, &str), interval_ms: i64) -> i64 {
    let hash = xxh3_64(format!("{file}\0{name}").as_bytes());
    let interval = interval_ms.max(1).unsigned_abs();
    i64::try_from(hash % interval).unwrap_or(0)
}

/// The first tick after `now_ms`.
fn next_tick_ms(now_ms: i64, interval_ms: i64, offset_ms: i64) -> i64 {
    let shifted = now_ms.saturating_sub(offset_ms);
    (shifted - shifted.rem_euclid(interval_ms))
        .saturating_add(interval_ms)
        .saturating_add(offset_ms)
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// The task of one group.
struct Ticker {
    cell: Arc<Cell>,
    outputs: Outputs,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    interval_ms: i64,
    offset_ms: i64,
}

impl Ticker {
    async fn run(self) {
        let this = Arc::new(self);
        let mut tick_ms = next_tick_ms(this.clock.now_ms(), this.interval_ms, this.offset_ms);
        loop {
            let wait = millis(tick_ms.saturating_sub(this.clock.now_ms()));
            tokio::select! {
                () = this.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            // The wall clock may have been set back while we slept; then the tick is not there yet.
            if this.clock.now_ms() < tick_ms.saturating_sub(this.interval_ms) {
                tick_ms = next_tick_ms(this.clock.now_ms(), this.interval_ms, this.offset_ms);
                continue;
            }
            let missed = this.clock.now_ms().saturating_sub(tick_ms) / this.interval_ms;
            tick_ms = tick_ms.saturating_add(missed.saturating_mul(this.interval_ms));
            let evaluator = this.clone();
            let done = tokio::task::spawn_blocking(move || evaluator.evaluate(tick_ms, missed));
            if let Err(why) = done.await {
                tracing::error!(error = %why, "evaluating a rule group failed");
            }
            tick_ms = tick_ms.saturating_add(this.interval_ms);
        }
    }

    fn evaluate(&self, now_ms: i64, missed: i64) {
        let mut guard = self.cell.group.lock();
        let Some(group) = guard.as_mut() else { return };
        group.note_missed(u64::try_from(missed).unwrap_or(0));
        group.evaluate(now_ms, &self.outputs, &*self.clock);
        self.cell.status.store(Arc::new(group.status()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_lie_on_a_shifted_grid() {
        for (now, interval, offset, next) in [
            (0, 10, 3, 3),
            (3, 10, 3, 13),
            (12, 10, 3, 13),
            (13, 10, 3, 23),
            (-5, 10, 0, 0),
            (100, 1, 0, 101),
        ] {
            assert_eq!(next_tick_ms(now, interval, offset), next, "now {now}");
        }
        let phase = phase_ms(("a.yml", "g"), 1000);
        assert!((0..1000).contains(&phase));
        assert_eq!(phase, phase_ms(("a.yml", "g"), 1000), "the same after a restart");
    }
}
