//! The loop of one target: wait, fetch, hand over to a blocking thread, repeat; end with or without markers.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use model::metrics::{MetricSink, Rejected};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::cache::ScrapeCache;
use super::client::Client;
use super::fetch::{self, Page};
use super::process::{Batch, Counts, Rules, ScrapeError, fail, process};
use super::report::{Report, ReportSeries};
use super::schedule;
use super::status::{Health, LastScrape};
use crate::config::ScrapeJob;
use crate::exposition::Format;
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
    pub(super) clock: Arc<dyn Clock>,
    pub(super) offset_seed: u64,
}

/// What moves to the blocking thread and back.
struct State {
    cache: ScrapeCache,
    report: ReportSeries,
    batch: Batch,
    body: Vec<u8>,
}

pub(super) struct Worker {
    around: Surroundings,
    commands: watch::Receiver<Command>,
    last: Arc<Mutex<LastScrape>>,
    state: State,
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
        let report = ReportSeries::new(&target.labels);
        let state = State {
            cache: ScrapeCache::new(),
            report,
            batch: Batch::default(),
            body: Vec::new(),
        };
        let hash = target.key().hash64() ^ around.offset_seed;
        Worker {
            around,
            commands,
            last,
            state,
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
                        self.state.cache.rules_changed();
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
                let (url, timeout) = (spec.target.url.clone(), spec.target.timeout);
                let limit = spec.job.limits.body_size;
                let fetch = fetch::fetch(&spec.client, url, timeout, limit, self.state.body.capacity());
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
        let empty = State {
            cache: ScrapeCache::new(),
            report: ReportSeries::new(&spec.target.labels),
            batch: Batch::default(),
            body: Vec::new(),
        };
        let mut state = std::mem::replace(&mut self.state, empty);
        let sink = self.around.sink.clone();
        let last = self.last.clone();
        let work = move || {
            let outcome = state.take_in(&spec, page, scrape_ms, fetched, sink.as_ref());
            let mut last = last.lock();
            last.at_ms = Some(scrape_ms);
            last.duration_seconds = fetched.as_secs_f64();
            last.health = if outcome.is_ok() { Health::Up } else { Health::Down };
            last.error = outcome.err().unwrap_or_default();
            if !state.batch.changed_metadata.is_empty() || last.metadata.len() != state.cache.metadata.len() {
                last.metadata = state.cache.metadata().into_iter().collect();
            }
            drop(last);
            state
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(state) => self.state = state,
            Err(error) => tracing::error!(%error, "a scrape was lost with what its target's cache knew"),
        }
        self.newest_ms = self.newest_ms.max(scrape_ms);
    }

    /// Ends every series of the target.
    async fn end(mut self, spec: Option<&Spec>) {
        let now_ms = self.around.clock.now_ms().max(self.newest_ms.saturating_add(1));
        let extra = spec.is_some_and(|spec| spec.job.extra_scrape_metrics);
        let sink = self.around.sink.clone();
        let work = move || {
            fail(&mut self.state.cache, now_ms, &mut self.state.batch);
            self.state.report.end(extra, now_ms, &mut self.state.batch);
            if self.state.batch.rows.is_empty() {
                return;
            }
            if let Err(error) = sink.append(&mut self.state.batch.rows) {
                tracing::warn!(%error, "the end of a target's series was not stored");
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(work).await {
            tracing::error!(%error, "the end of a target's series was lost");
        }
    }
}

impl State {
    /// From page to store. `Err` is what the target's status shows.
    fn take_in(
        &mut self,
        spec: &Spec,
        page: Result<Page, ScrapeError>,
        scrape_ms: i64,
        fetched: Duration,
        sink: &dyn MetricSink,
    ) -> Result<(), String> {
        let State {
            cache,
            report,
            batch,
            body,
        } = self;
        batch.clear();
        let rules = Rules::of(&spec.job, &spec.target.labels);
        let (counts, outcome) = match page.and_then(|page| formatted(page, &spec.job)) {
            Ok((page, format)) => {
                *body = page;
                process(body, format, cache, &rules, scrape_ms, batch)
            }
            Err(error) => {
                body.clear();
                fail(cache, scrape_ms, batch);
                (Counts::default(), Err(error))
            }
        };
        let extra = spec.job.extra_scrape_metrics.then(|| {
            (
                spec.target.timeout.as_secs_f64(),
                spec.job.limits.samples,
                body.len() as u64,
            )
        });
        let duration_seconds = fetched.as_secs_f64();
        let own = Report {
            up: outcome.is_ok(),
            duration_seconds,
            counts,
            extra,
        };
        let first = report.push(&own, scrape_ms, batch);
        let appended = sink.append(&mut batch.rows);
        match &appended {
            Ok(result) => {
                batch.learn(cache);
                report.learn(first, batch);
                log_rejected(spec, &result.rejected, counts.duplicates);
            }
            Err(error) => tracing::warn!(target = %spec.target.url, %error, "a scrape was not stored"),
        }
        for family in &batch.changed_metadata {
            if let Some(known) = cache.metadata.get(family.as_str()) {
                sink.set_metadata(family, &known.metadata);
            }
        }
        outcome.map_err(|e| e.to_string())?;
        appended.map(|_| ()).map_err(|e| e.to_string())
    }
}

fn formatted(page: Page, job: &ScrapeJob) -> Result<(Vec<u8>, Format), ScrapeError> {
    let format = Format::from_content_type(page.content_type.as_deref(), job.fallback_scrape_protocol);
    Ok((page.body, format.map_err(ScrapeError::Fetch)?))
}

/// One line for a scrape, however many samples were not taken.
fn log_rejected(spec: &Spec, rejected: &[(usize, Rejected)], duplicates: usize) {
    if rejected.is_empty() && duplicates == 0 {
        return;
    }
    let reason = rejected
        .first()
        .map_or("repeated on the page", |(_, why)| why.as_str());
    tracing::warn!(target = %spec.target.url, rejected = rejected.len(), duplicates, reason, "samples were not stored");
}

/// Whether what the cache knows was made by other rules.
fn rules_differ(old: &ScrapeJob, new: &ScrapeJob) -> bool {
    old.metric_relabel_configs != new.metric_relabel_configs
        || old.honor_labels != new.honor_labels
        || old.limits != new.limits
        || old.validation_scheme != new.validation_scheme
}
