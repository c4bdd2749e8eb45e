//! What happens to a fetched page on a blocking thread: from bytes to the sink, and what a target remembers of it.

use std::sync::Arc;
use std::time::Duration;

use model::StoreError;
use model::exemplar::{ExemplarRow, ExemplarSink};
use model::metrics::{MetricSink, RefSample, Rejected};

use super::batch::Batch;
use super::cache::ScrapeCache;
use super::families::Families;
use super::fetch::{Body, Page};
use super::process::{Counts, Rules, ScrapeError, again, fail, process};
use super::report::{Report, ReportSeries};
use super::spare::Spare;
use super::worker::{Spec, Surroundings};
use crate::config::ScrapeJob;
use crate::exposition::Format;

/// What is kept of a target between scrapes.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub(super) cache: ScrapeCache,
    report: ReportSeries,
}

/// What a scrape came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `Err` is what the target's status shows.
    pub(super) result: Result<(), String>,
    /// Whether families say something else than before.
    pub(super) families_changed: bool,
}

impl Intake {
    pub(super) fn new(families: Arc<Families>) -> Intake {
        Intake {
            cache: ScrapeCache::new(families),
            report: ReportSeries::default(),
        }
    }

    /// From page to store.
    pub(super) fn take_in(
        &mut self,
        spec: &Spec,
        page: Result<Page, ScrapeError>,
        scrape_ms: i64,
        fetched: Duration,
        around: &Surroundings,
    ) -> Outcome {
        let (sink, exemplars) = (around.sink.as_ref(), around.exemplars.as_deref());
        let rules = Rules::of(&spec.job, &spec.target.labels);
        let mut batch = around.batches.take();
        batch.exemplars = exemplars.map(|_| Vec::new());
        let page = page.and_then(|page| unpacked(page, &spec.job, &around.buffers));
        let (body, format) = page
            .as_ref()
            .map_or((&[][..], Format::Text), |(body, format)| (body.text(), *format));
        let families = self.cache.families.clone();
        let (counts, outcome) = match &page {
            Ok(_) => process(body, format, &mut self.cache, &rules, scrape_ms, &mut batch),
            Err(error) => {
                fail(&mut self.cache, scrape_ms, &mut batch);
                (Counts::default(), Err(error.clone()))
            }
        };
        store_exemplars(spec, batch.exemplars.take().as_deref(), exemplars);
        batch.resolve(&mut self.cache, scrape_ms, sink);
        let limits = &spec.job.limits;
        let extra = (
            spec.target.timeout.as_secs_f64(),
            limits.samples,
            body.len() as u64,
        );
        let own = Report {
            up: outcome.is_ok(),
            duration_seconds: fetched.as_secs_f64(),
            counts,
            extra: spec.job.extra_scrape_metrics.then_some(extra),
        };
        let first = batch.samples.len();
        self.report
            .push(&own, &spec.target.labels, scrape_ms, sink, &mut batch);
        for family in std::mem::take(&mut batch.changed) {
            sink.set_metadata(&family.name, &family.metadata);
        }
        let reread = outcome.is_ok().then_some((body, format));
        let stored = self.store(spec, &mut batch, first, scrape_ms, reread, sink);
        match &stored {
            Ok(rejected) => log_rejected(spec, rejected, counts.duplicates),
            Err(error) => tracing::warn!(target = %spec.target.url, %error, "a scrape was not stored"),
        }
        batch.clear();
        around.batches.give(batch);
        if let Ok((body, _)) = page {
            body.give_back(&around.buffers);
        }
        let result = outcome.map_err(|e| e.to_string());
        Outcome {
            result: result.and_then(|()| stored.map(|_| ()).map_err(|e| e.to_string())),
            families_changed: !Arc::ptr_eq(&families, &self.cache.families),
        }
    }

    /// Stores a batch, the report from `first` on. Where the sink has forgotten series, they are made anew from the
    /// page and their samples sent once more; gives what was refused for good.
    fn store(
        &mut self,
        spec: &Spec,
        batch: &mut Batch,
        first: usize,
        scrape_ms: i64,
        page: Option<(&[u8], Format)>,
        sink: &dyn MetricSink,
    ) -> Result<Vec<Rejected>, StoreError> {
        let (report, forgotten) = batch.append(sink)?;
        let mut rejected = std::mem::take(&mut batch.rejected);
        rejected.extend(report.rejected.into_iter().map(|(_, why)| why));
        if forgotten.is_empty() {
            return Ok(rejected);
        }
        self.cache.forget(&batch.handles(&forgotten));
        let own = forgotten.iter().filter(|&&at| at >= first);
        let own: Vec<RefSample> = own.filter_map(|&at| batch.samples.get(at).copied()).collect();
        batch.clear();
        if let Some((body, format)) = page {
            let rules = Rules::of(&spec.job, &spec.target.labels);
            again(body, format, &mut self.cache, &rules, scrape_ms, batch);
            batch.resolve(&mut self.cache, scrape_ms, sink);
        }
        self.report.again(&own, &spec.target.labels, sink, batch);
        let (report, still) = batch.append(sink)?;
        rejected.append(&mut batch.rejected);
        rejected.extend(report.rejected.into_iter().map(|(_, why)| why));
        rejected.extend(still.iter().map(|_| Rejected::UnknownSeries));
        Ok(rejected)
    }

    /// Ends every series of a target that is gone.
    pub(super) fn end(&mut self, extra: bool, now_ms: i64, sink: &dyn MetricSink) {
        let mut batch = Batch::default();
        fail(&mut self.cache, now_ms, &mut batch);
        self.report.end(extra, now_ms, &mut batch);
        // Of a series that the sink has forgotten there is nothing to end.
        if let Err(error) = batch.append(sink) {
            tracing::warn!(%error, "the end of a target's series was not stored");
        }
    }
}

/// Exemplars are stored as well as can be: a store of them that fails fails no scrape.
fn store_exemplars(spec: &Spec, rows: Option<&[ExemplarRow]>, sink: Option<&dyn ExemplarSink>) {
    if let (Some(sink), Some(rows @ [_, ..])) = (sink, rows)
        && let Err(error) = sink.append_exemplars(rows)
    {
        tracing::warn!(target = %spec.target.url, %error, "a page's exemplars were not stored");
    }
}

fn unpacked(page: Page, job: &ScrapeJob, spare: &Spare<Vec<u8>>) -> Result<(Body, Format), ScrapeError> {
    let format = Format::from_content_type(page.content_type.as_deref(), job.fallback_scrape_protocol);
    let format = format.map_err(ScrapeError::Fetch)?;
    Ok((page.unpack(spare).map_err(ScrapeError::Fetch)?, format))
}

/// One line for a scrape, however many samples were not taken.
fn log_rejected(spec: &Spec, rejected: &[Rejected], duplicates: usize) {
    if rejected.is_empty() && duplicates == 0 {
        return;
    }
    let reason = rejected
        .first()
        .map_or("repeated on the page", |why| why.as_str());
    tracing::warn!(target = %spec.target.url, rejected = rejected.len(), duplicates, reason, "samples were not stored");
}
