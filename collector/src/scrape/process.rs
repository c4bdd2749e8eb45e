//! From a page to a batch: the pure heart of a scrape.
//!
//! A page is taken whole or not at all. If it is not, every series that the target had ends with a staleness
//! marker, as it does when a good page no longer shows it. Semantics as upstream's scrape loop.

use model::Labels;
use model::metrics::{STALE_NAN, SeriesRef};

use super::batch::Batch;
use super::cache::ScrapeCache;
use super::page::Page;
use crate::config::{Limits, RelabelConfig, ScrapeJob, ValidationScheme};
use crate::exposition::{Format, ParseError};

/// What turns a page's series into stored ones.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The target's labels.
    pub target: &'a Labels,
    /// Whether the page's labels win over the target's.
    pub honor_labels: bool,
    /// Whether the page's timestamps are kept.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own get staleness markers too.
    pub track_timestamps_staleness: bool,
    /// Which names are taken.
    pub validation_scheme: ValidationScheme,
    /// Bounds.
    pub limits: Limits,
    /// `metric_relabel_configs`
    pub metric_relabel: &'a [RelabelConfig],
}

impl<'a> Rules<'a> {
    /// The rules of a job for one of its targets.
    pub fn of(job: &'a ScrapeJob, target: &'a Labels) -> Rules<'a> {
        Rules {
            target,
            honor_labels: job.honor_labels,
            honor_timestamps: job.honor_timestamps,
            track_timestamps_staleness: job.track_timestamps_staleness,
            validation_scheme: job.validation_scheme,
            limits: job.limits,
            metric_relabel: &job.metric_relabel_configs,
        }
    }
}

/// Why a scrape failed, in words for the person who looks at the target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// The page is not in its format.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// A series is not acceptable.
    #[error("{0}")]
    Series(String),
    /// More samples than allowed.
    #[error("sample limit exceeded: {limit} samples are allowed")]
    SampleLimit {
        /// The bound.
        limit: u64,
    },
    /// The target did not answer as it should.
    #[error("{0}")]
    Fetch(String),
}

/// What a scrape counts; the report metrics are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Samples on the page.
    pub scraped: usize,
    /// Samples left after metric relabelling.
    pub post_relabel: usize,
    /// Series not known before.
    pub added: usize,
    /// Samples skipped because their series stands on the page more than once.
    pub duplicates: usize,
}

/// Turns a page into samples and series to be made; [`Batch::resolve`] then gives each sample its handle and ends what
/// the page no longer shows.
///
/// # Errors
/// The page is refused; `batch` then holds the staleness markers of everything that was there before, and the
/// counts are those of the page as far as it was read.
pub fn process(
    body: &[u8],
    format: Format,
    cache: &mut ScrapeCache,
    rules: &Rules<'_>,
    scrape_ms: i64,
    batch: &mut Batch,
) -> (Counts, Result<(), ScrapeError>) {
    batch.clear();
    let mut page = Page::new(cache, rules, scrape_ms, batch);
    let result = page.read(body, format);
    let counts = page.counts;
    match result {
        Ok(()) => page.accept(),
        Err(_) => {
            page.refuse();
            fail(cache, scrape_ms, batch);
        }
    }
    (counts, result)
}

/// Reads a page once more that has just been taken, for the series whose handles have turned out to mean nothing: the
/// batch then holds their samples only.
pub fn again(
    body: &[u8],
    format: Format,
    cache: &mut ScrapeCache,
    rules: &Rules<'_>,
    scrape_ms: i64,
    batch: &mut Batch,
) {
    batch.clear();
    let mut page = Page::new(cache, rules, scrape_ms, batch);
    // It was good before.
    let _ = page.read(body, format);
    page.refuse();
    let samples = std::mem::take(&mut batch.samples);
    for (at, slot) in std::mem::take(&mut batch.waiting) {
        if let Some(sample) = samples.get(at as usize) {
            batch.push_waiting(slot, sample.timestamp_ms, sample.value);
        }
    }
}

/// The batch of a scrape that failed, or of a target that is gone: every series ends.
pub fn fail(cache: &mut ScrapeCache, scrape_ms: i64, batch: &mut Batch) {
    batch.clear();
    for entry in cache.entries.iter_mut().filter(|entry| entry.live) {
        entry.live = false;
        if entry.series != SeriesRef::UNKNOWN {
            batch.push(entry.series, scrape_ms, STALE_NAN);
        }
    }
    for series in cache.orphans.drain(..) {
        batch.push(series, scrape_ms, STALE_NAN);
    }
}
