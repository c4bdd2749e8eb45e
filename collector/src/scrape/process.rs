//! From a page to rows: the pure heart of a scrape.
//!
//! A page is taken whole or not at all. If it is not, every series that the target had ends with a staleness
//! marker, as it does when a good page no longer shows it. Semantics as upstream's scrape loop.

use model::metrics::{MetricRow, STALE_NAN, Sample, SeriesRef};
use model::{Labels, LabelsBuilder};
use rustc_hash::FxHashSet;

use super::cache::ScrapeCache;
use crate::config::{Limits, RelabelConfig, ScrapeJob, ValidationScheme};
use crate::exposition::{Event, Format, ParseError, Parser, RawLabels, Series, decode_labels};
use crate::relabel;

/// Families of one target whose metadata is remembered, and bytes of a help text.
const MAX_FAMILIES: usize = 10_000;
const MAX_HELP_BYTES: usize = 4096;
/// Metadata outlives its family by so many scrapes.
const METADATA_SCRAPES: u64 = 10;

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

/// Rows for the sink, and where in the cache each belongs. Reused from scrape to scrape.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is to be stored.
    pub rows: Vec<MetricRow>,
    /// The cache slot of each of the first rows; the rest has none.
    slots: Vec<u32>,
    /// Families whose metadata is new or changed.
    pub changed_metadata: Vec<String>,
}

impl Batch {
    /// Makes it empty, keeping its memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.slots.clear();
        self.changed_metadata.clear();
    }

    /// Takes the handles that the sink filled in back into the cache.
    pub fn learn(&self, cache: &mut ScrapeCache) {
        for (row, slot) in self.rows.iter().zip(&self.slots) {
            cache.learn(*slot, row.series);
        }
    }

    pub(super) fn push(&mut self, labels: Labels, series: SeriesRef, timestamp_ms: i64, value: f64) {
        self.rows.push(MetricRow {
            series,
            labels,
            sample: Sample { timestamp_ms, value },
        });
    }
}

/// Turns a page into rows, staleness markers included.
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
    cache.scrape += 1;
    let mut page = Page {
        cache,
        rules,
        scrape_ms,
        batch,
        counts: Counts::default(),
        order: Vec::new(),
        live: Vec::new(),
    };
    let result = page.read(body, format);
    let (counts, order, live) = (page.counts, page.order, page.live);
    match result {
        Ok(()) => {
            cache.set_live(&live);
            end_vanished(cache, scrape_ms, order, batch);
        }
        Err(_) => {
            fail(cache, scrape_ms, batch);
            cache.forget_unseen();
        }
    }
    (counts, result)
}

/// The rows of a scrape that failed, or of a target that is gone: every series ends.
pub fn fail(cache: &mut ScrapeCache, scrape_ms: i64, batch: &mut Batch) {
    batch.clear();
    for entry in cache.entries.iter_mut().filter(|entry| entry.live) {
        entry.live = false;
        if let Some(labels) = &entry.labels {
            batch.push(labels.clone(), entry.series, scrape_ms, STALE_NAN);
        }
    }
    for (labels, series) in cache.orphans.drain(..) {
        batch.push(labels, series, scrape_ms, STALE_NAN);
    }
}

/// One page being read.
struct Page<'a> {
    cache: &'a mut ScrapeCache,
    rules: &'a Rules<'a>,
    scrape_ms: i64,
    batch: &'a mut Batch,
    counts: Counts,
    /// Slots as the page shows them.
    order: Vec<u32>,
    /// Series that begin or cease to need a marker at their end, if the page is taken.
    live: Vec<(u32, bool)>,
}

impl Page<'_> {
    fn read(&mut self, body: &[u8], format: Format) -> Result<(), ScrapeError> {
        self.order.reserve(self.cache.order.len());
        let mut parser = Parser::new(body, format);
        loop {
            let expected = self.cache.predicted(self.order.len());
            let hit = expected.and_then(|(slot, entry)| Some((slot, parser.expect(&entry.raw)?)));
            if let Some((slot, Event::Series(series))) = hit {
                self.sample(slot, &series)?;
                continue;
            }
            match parser.next() {
                None | Some(Ok(Event::Eof)) => break,
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Event::Series(series))) => {
                    let slot = self.slot_of(series.raw)?;
                    self.sample(slot, &series)?;
                }
                Some(Ok(event)) => self.metadata(&event),
            }
        }
        let limit = self.rules.limits.samples;
        if limit > 0 && self.counts.post_relabel as u64 > limit {
            return Err(ScrapeError::SampleLimit { limit });
        }
        Ok(())
    }

    fn slot_of(&mut self, raw: &[u8]) -> Result<u32, ScrapeError> {
        if let Some(slot) = self.cache.slot(raw) {
            return Ok(slot);
        }
        let labels = final_labels(&decode_labels(raw)?, self.rules)?;
        self.counts.added += usize::from(labels.is_some());
        Ok(self.cache.insert(raw, labels))
    }

    fn sample(&mut self, slot: u32, series: &Series<'_>) -> Result<(), ScrapeError> {
        self.counts.scraped += 1;
        self.order.push(slot);
        let now = self.cache.scrape;
        let Some(entry) = self.cache.entries.get_mut(slot as usize) else {
            return Ok(());
        };
        let repeated = entry.seen == now;
        entry.seen = now;
        let Some(labels) = &entry.labels else {
            return Ok(());
        };
        self.counts.post_relabel += 1;
        let own_time = series.timestamp_ms.filter(|_| self.rules.honor_timestamps);
        if repeated && own_time.is_none() {
            self.counts.duplicates += 1;
            return Ok(());
        }
        let live = own_time.is_none() || self.rules.track_timestamps_staleness;
        if entry.live != live {
            self.live.push((slot, live));
        }
        let limit = self.rules.limits.samples;
        if limit > 0 && self.counts.post_relabel as u64 > limit {
            // The rest of the page is still read, for its counts.
            return Ok(());
        }
        let (labels, handle) = (labels.clone(), entry.series);
        self.batch.slots.push(slot);
        self.batch
            .push(labels, handle, own_time.unwrap_or(self.scrape_ms), series.value);
        Ok(())
    }

    fn metadata(&mut self, event: &Event<'_>) {
        let family = match event {
            Event::Type { family, .. } | Event::Help { family, .. } | Event::Unit { family, .. } => *family,
            Event::Series(_) | Event::Comment(_) | Event::Eof => return,
        };
        if self.cache.metadata.len() >= MAX_FAMILIES && !self.cache.metadata.contains_key(family) {
            return;
        }
        let now = self.cache.scrape;
        let known = match self.cache.metadata.get_mut(family) {
            Some(known) => known,
            None => self.cache.metadata.entry(family.into()).or_default(),
        };
        known.seen = now;
        let metadata = &mut known.metadata;
        let changed = match event {
            Event::Type { metric_type, .. } => {
                std::mem::replace(&mut metadata.metric_type, *metric_type) != *metric_type
            }
            Event::Help { text, .. } => replace_text(&mut metadata.help, text),
            Event::Unit { unit, .. } => replace_text(&mut metadata.unit, unit),
            Event::Series(_) | Event::Comment(_) | Event::Eof => false,
        };
        if changed
            && self
                .batch
                .changed_metadata
                .last()
                .is_none_or(|last| last != family)
        {
            self.batch.changed_metadata.push(family.to_owned());
        }
    }
}

fn replace_text(known: &mut String, text: &str) -> bool {
    let mut end = text.len().min(MAX_HELP_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = crate::exposition::unescape_help(text.get(..end).unwrap_or(""));
    let changed = *known != text;
    if changed {
        *known = text.into_owned();
    }
    changed
}

/// After a good page: what it does not show ends and is forgotten, unless another text means the same series.
fn end_vanished(cache: &mut ScrapeCache, scrape_ms: i64, order: Vec<u32>, batch: &mut Batch) {
    let now = cache.scrape;
    let gone: Vec<u32> = match order.len() == cache.index.len() {
        // As many lines as series known: all were seen, unless some stood there twice.
        true if cache.order == order => Vec::new(),
        _ => {
            let slots = cache.entries.iter().zip(0u32..);
            slots
                .filter(|(entry, _)| entry.seen != now && !entry.raw.is_empty())
                .map(|(_, slot)| slot)
                .collect()
        }
    };
    let orphans = std::mem::take(&mut cache.orphans);
    if !gone.is_empty() || !orphans.is_empty() {
        let current = cache.entries.iter().filter(|entry| entry.seen == now);
        let current: FxHashSet<&Labels> = current.filter_map(|entry| entry.labels.as_ref()).collect();
        let ended = gone
            .iter()
            .filter_map(|slot| cache.entries.get(*slot as usize))
            .filter(|entry| entry.live);
        let ended = ended.filter_map(|entry| Some((entry.labels.as_ref()?, entry.series)));
        let ended = ended.chain(orphans.iter().map(|(labels, series)| (labels, *series)));
        for (labels, series) in ended.filter(|(labels, _)| !current.contains(labels)) {
            batch.push(labels.clone(), series, scrape_ms, STALE_NAN);
        }
    }
    for slot in gone {
        cache.forget(slot);
    }
    cache.order = order;
    if now.is_multiple_of(METADATA_SCRAPES) {
        cache
            .metadata
            .retain(|_, known| known.seen + METADATA_SCRAPES > now);
    }
}

/// The labels under which a series is stored; `None` where a rule drops it.
fn final_labels(raw: &RawLabels<'_>, rules: &Rules<'_>) -> Result<Option<Labels>, ScrapeError> {
    let mut labels = LabelsBuilder::default();
    labels.set(model::labels::METRIC_NAME, &raw.name);
    for (name, value) in &raw.pairs {
        labels.set(name, value);
    }
    if rules.honor_labels {
        // A label that the page gives as empty is absent in the end, and the target's does not fill in for it.
        let absent = |name: &str| raw.pairs.iter().all(|(n, _)| n != name);
        for (name, value) in rules.target.iter().filter(|(name, _)| absent(name)) {
            labels.set(name, value);
        }
    } else {
        set_target_labels(&mut labels, rules.target);
    }
    if !relabel::process_builder(rules.metric_relabel, &mut labels) {
        return Ok(None);
    }
    let labels = labels.build();
    if labels.is_empty() {
        return Ok(None);
    }
    check_labels(&labels, rules)?;
    Ok(Some(labels))
}

/// The target's labels win; the page's of the same name are kept as `exported_…`.
fn set_target_labels(labels: &mut LabelsBuilder, target: &Labels) {
    let mut conflicts: Vec<(&str, String)> = Vec::new();
    for (name, value) in target.iter() {
        if let Some(exposed) = labels.get(name) {
            conflicts.push((name, exposed.to_owned()));
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, exposed) in conflicts {
        let mut new_name = format!("exported_{name}");
        while labels.get(&new_name).is_some() {
            new_name.insert_str(0, "exported_");
        }
        labels.set(&new_name, &exposed);
    }
}

fn check_labels(labels: &Labels, rules: &Rules<'_>) -> Result<(), ScrapeError> {
    let refuse = |text: String| Err(ScrapeError::Series(text));
    let metric = labels.metric_name();
    if metric.is_empty() {
        return refuse(format!("missing metric name (__name__ label) in {labels}"));
    }
    if rules.validation_scheme == ValidationScheme::Legacy {
        let legacy = |(name, _): (&str, &str)| model::labels::is_legacy_label_name(name);
        if !model::labels::is_legacy_metric_name(metric) || !labels.iter().all(legacy) {
            return refuse(format!("invalid metric name or label names: {labels}"));
        }
    }
    let limits = &rules.limits;
    let over = |len: usize, limit: u64| limit > 0 && len as u64 > limit;
    if over(labels.len(), limits.labels) {
        return refuse(format!(
            "label_limit exceeded (metric: {metric:.50}, number of labels: {}, limit: {})",
            labels.len(),
            limits.labels
        ));
    }
    for (name, value) in labels.iter() {
        if over(name.len(), limits.label_name_length) {
            return refuse(format!(
                "label_name_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, limit: {})",
                limits.label_name_length
            ));
        }
        if over(value.len(), limits.label_value_length) {
            return refuse(format!(
                "label_value_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, value: {value:.50}, limit: {})",
                limits.label_value_length
            ));
        }
    }
    Ok(())
}
