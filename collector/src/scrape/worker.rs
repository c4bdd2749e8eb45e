//! The loop of one target: wait, fetch, hand over to a blocking thread, repeat; end with or without markers.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use model::exemplar::ExemplarSink;
use model::metrics::MetricSink;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::batch::Batch;
use super::client::Client;
use super::families::Families;
use super::fetch::{self, Page, Way};
use super::intake::Intake;
use super::process::ScrapeError;
use super::schedule;
use super::spare::Spare;
use super::status::{Health, LastScrape};
use crate::config::ScrapeJob;
use crate::target::Target;

/// Everything a loop needs to know; replaced as a whole at reload.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) job: Arc<ScrapeJob>,
    pub(super) client: Client,
    pub(super) target: Target,
    /// A reason for which every scrape fails before it begins.
    pub(super) forced_error: Option<String>,
}

/// What a loop is told.
#[derive(Debug, Clone)]
pub(super) enum Command {
    /// Scrape like this from now on.
    Run(Arc<Spec>),
    /// The target is gone: its series end.
    End,
    /// The server shuts down: its series are only interrupted.
    Stop,
}

/// What every loop shares.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) sink: Arc<dyn MetricSink>,
    pub(super) exemplars: Option<Arc<dyn ExemplarSink>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) offset_seed: u64,
    pub(super) families: Arc<Families>,
    /// What a scrape needs only as long as it lasts.
    pub(super) buffers: Arc<Spare<Vec<u8>>>,
    pub(super) batches: Arc<Spare<Batch>>,
}

pub(super) struct Worker {
    around: Surroundings,
    commands: watch::Receiver<Command>,
    last: Arc<Mutex<LastScrape>>,
    /// Moves to the blocking thread and back.
    intake: Intake,
    way: Way,
    hash: u64,
    /// The newest timestamp written; time must not run back for the markers.
    newest_ms: i64,
}

impl Worker {
    pub(super) fn new(
        around: Surroundings,
        target: &Target,
        commands: watch::Receiver<Command>,
        last: Arc<Mutex<LastScrape>>,
    ) -> Worker {
        let intake = Intake::new(around.families.clone());
        let hash = target.key().hash64() ^ around.offset_seed;
        Worker {
            around,
            commands,
            last,
            intake,
            way: Way::default(),
            hash,
            newest_ms: i64::MIN,
        }
    }

    /// Runs until told to end.
    pub(super) async fn run(mut self) {
        let mut spec: Option<Arc<Spec>> = None;
        let mut from_ms = self.around.clock.now_ms();
        loop {
            let command = self.commands.borrow_and_update().clone();
            match command {
                Command::Run(new) => {
                    if spec.as_ref().is_some_and(|old| rules_differ(&old.job, &new.job)) {
                        self.way = Way::default();
                        self.intake.cache.rules_changed();
                    }
                    spec = Some(new);
                }
                Command::End => return self.end(spec.as_deref()).await,
                Command::Stop => return,
            }
            let Some(current) = spec.clone() else { return };
            let interval_ms = i64::try_from(current.target.interval.as_millis()).unwrap_or(i64::MAX);
            let tick_ms = schedule::next_tick(from_ms, interval_ms, self.hash);
            if !self.wait_until(tick_ms).await {
                continue;
            }
            let started_ms = self.around.clock.now_ms();
            let scrape_ms = schedule::timestamp(tick_ms, started_ms, interval_ms);
            self.scrape(current, scrape_ms).await;
            from_ms = self.around.clock.now_ms().max(tick_ms + 1);
        }
    }

    /// Waits for a tick; false where a command came first.
    async fn wait_until(&mut self, tick_ms: i64) -> bool {
        let wait = u64::try_from(tick_ms - self.around.clock.now_ms()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => true,
            changed = self.commands.changed() => {
                if changed.is_err() {
                    // Nobody is left to give commands.
                    std::future::pending::<()>().await;
                }
                false
            }
        }
    }

    async fn scrape(&mut self, spec: Arc<Spec>, scrape_ms: i64) {
        let begun = Instant::now();
        let page = match &spec.forced_error {
            Some(error) => Err(ScrapeError::Fetch(error.clone())),
            None => {
                let (url, timeout) = (&spec.target.url, spec.target.timeout);
                let (limit, buffers) = (spec.job.limits.body_size, &self.around.buffers);
                let fetch = fetch::fetch(&spec.client, &mut self.way, url, timeout, limit, buffers);
                let interrupted = async {
                    // A reload may finish this scrape; an end must not wait for it.
                    let over = |command: &Command| !matches!(command, Command::Run(_));
                    if self.commands.wait_for(over).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    page = fetch => page,
                    () = interrupted => return,
                }
            }
        };
        let fetched = begun.elapsed();
        self.store(spec, page, scrape_ms, fetched).await;
    }

    /// Parses and appends on a blocking thread, and notes the outcome.
    async fn store(
        &mut self,
        spec: Arc<Spec>,
        page: Result<Page, ScrapeError>,
        scrape_ms: i64,
        fetched: Duration,
    ) {
        let mut intake = std::mem::take(&mut self.intake);
        let around = self.around.clone();
        let last = self.last.clone();
        let work = move || {
            let outcome = intake.take_in(&spec, page, scrape_ms, fetched, &around);
            let mut last = last.lock();
            last.at_ms = Some(scrape_ms);
            last.duration_seconds = fetched.as_secs_f64();
            last.health = if outcome.result.is_ok() {
                Health::Up
            } else {
                Health::Down
            };
            last.error = outcome.result.err().unwrap_or_default();
            if outcome.families_changed {
                last.families = intake.cache.families.clone();
            }
            drop(last);
            intake
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(intake) => self.intake = intake,
            Err(error) => {
                self.intake = Intake::new(self.around.families.clone());
                tracing::error!(%error, "a scrape was lost with what its target's cache knew");
            }
        }
        self.newest_ms = self.newest_ms.max(scrape_ms);
    }

    /// Ends every series of the target.
    async fn end(mut self, spec: Option<&Spec>) {
        let now_ms = self.around.clock.now_ms().max(self.newest_ms.saturating_add(1));
        let extra = spec.is_some_and(|spec| spec.job.extra_scrape_metrics);
        let sink = self.around.sink.clone();
        let work = move || self.intake.end(extra, now_ms, sink.as_ref());
        if let Err(error) = tokio::task::spawn_blocking(work).await {
            tracing::error!(%error, "the end of a target's series was lost");
        }
    }
}

/// Whether what the cache knows was made by other rules.
fn rules_differ(old: &ScrapeJob, new: &ScrapeJob) -> bool {
    old.metric_relabel_configs != new.metric_relabel_configs
        || old.honor_labels != new.honor_labels
        || old.limits != new.limits
        || old.validation_scheme != new.validation_scheme
}
