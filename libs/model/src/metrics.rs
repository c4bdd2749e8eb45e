//! Samples and series, and the traits between those who bring them, keep them and ask for them.
//!
//! The boundary is per batch on the way in ([`MetricSink`]) and per series on the way out ([`SeriesReader`]):
//! columns of timestamps and values, never a dynamic call for one sample.

use std::ops::Range;
use std::sync::Arc;

use crate::{Histogram, Labels, Matcher, SeriesKey, Starts, StoreError};

/// The NaN by which Prometheus says "this series ended here": a staleness marker. Compare by bits.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The NaN that arithmetic yields in Go, which Prometheus stores and shows as `NaN`.
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Whether `value` is the staleness marker, not just any NaN.
pub fn is_stale_nan(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Any float64, staleness markers and NaN payloads included.
    pub value: f64,
}

/// The samples of one series: floats as two columns of equal length, and native histograms beside them. Timestamps are
/// strictly increasing in each of the two lists; that one time is in both is possible and says that the series changed
/// its kind in a way its sender must answer for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// When the floats were, in milliseconds since the epoch.
    pub timestamps: Vec<i64>,
    /// The floats, one for each timestamp.
    pub values: Vec<f64>,
    /// The native histograms, each with its own time in milliseconds since the epoch. Most series have none.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
    /// From when on the counters among them count, where that was said.
    pub starts: Starts,
}

impl Samples {
    /// How many samples there are, floats and histograms together.
    pub fn len(&self) -> usize {
        self.timestamps.len() + self.histograms.len()
    }

    /// Whether there are none, neither floats nor histograms.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty() && self.histograms.is_empty()
    }

    /// Appends one float; the caller keeps the order.
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        self.timestamps.push(timestamp_ms);
        self.values.push(value);
    }

    /// Empties all columns, keeping their memory.
    pub fn clear(&mut self) {
        self.timestamps.clear();
        self.values.clear();
        self.histograms.clear();
        self.starts.clear();
    }

    /// The floats one by one.
    pub fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        self.timestamps
            .iter()
            .zip(&self.values)
            .map(|(&timestamp_ms, &value)| Sample { timestamp_ms, value })
    }
}

/// A store's handle for a series, never used for another one while the process lives. The store may forget a series:
/// samples that come by its handle are then refused as [`Rejected::UnknownSeries`], and it is made anew by its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeriesRef(pub u64);

impl SeriesRef {
    /// "Not known yet".
    pub const UNKNOWN: SeriesRef = SeriesRef(0);
}

/// One sample on its way into a store.
#[derive(Debug, Clone)]
pub struct MetricRow {
    /// What the sink said last time for these labels, or [`SeriesRef::UNKNOWN`]; the sink fills it in.
    pub series: SeriesRef,
    /// The full label set, metric name included.
    pub labels: Labels,
    /// When and what.
    pub sample: Sample,
}

/// Why a store did not take one sample, in Prometheus' terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejected {
    /// Older than the newest sample of its series by more than the out-of-order window.
    OutOfOrder,
    /// Older than anything the store takes.
    TooOld,
    /// Another value is stored for that very timestamp.
    Duplicate,
    /// Too far in the future to be true.
    TooFarInFuture,
    /// A bound on the number of series was reached.
    SeriesLimit,
    /// The label set is not valid: no name, too long, a duplicate.
    InvalidLabels,
    /// The handle means no series: the store has forgotten it. Make the series anew by its labels.
    UnknownSeries,
}

impl Rejected {
    /// What Prometheus says in this case.
    pub fn as_str(self) -> &'static str {
        match self {
            Rejected::OutOfOrder => "out of order sample",
            Rejected::TooOld => "out of bounds",
            Rejected::Duplicate => "duplicate sample for timestamp",
            Rejected::TooFarInFuture => "timestamp is too far in the future",
            Rejected::SeriesLimit => "limit on the number of series reached",
            Rejected::InvalidLabels => "invalid labels",
            Rejected::UnknownSeries => "unknown series handle",
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendReport {
    /// Samples stored. A repetition of a stored sample counts as stored.
    pub stored: usize,
    /// Index in the batch and reason of each sample that was not.
    pub rejected: Vec<(usize, Rejected)>,
}

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricType {
    /// Only goes up, or resets.
    Counter,
    /// Goes where it wants.
    Gauge,
    /// `_bucket`, `_sum`, `_count`.
    Histogram,
    /// A histogram of a current state (OpenMetrics).
    GaugeHistogram,
    /// Quantiles, `_sum`, `_count`.
    Summary,
    /// Labels that describe (OpenMetrics).
    Info,
    /// One of several states (OpenMetrics).
    StateSet,
    /// Not said.
    #[default]
    Unknown,
}

impl MetricType {
    /// The name as the exposition formats and the HTTP API spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
            MetricType::Unknown => "unknown",
        }
    }

    /// The type spelt `text`; `untyped` is `unknown`.
    pub fn parse(text: &str) -> Option<MetricType> {
        Some(match text {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "histogram" => MetricType::Histogram,
            "gaugehistogram" => MetricType::GaugeHistogram,
            "summary" => MetricType::Summary,
            "info" => MetricType::Info,
            "stateset" => MetricType::StateSet,
            "unknown" | "untyped" => MetricType::Unknown,
            _ => return None,
        })
    }
}

/// What a metric family says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// `# TYPE`
    pub metric_type: MetricType,
    /// `# HELP`
    pub help: String,
    /// `# UNIT`
    pub unit: String,
}

/// A series to be made, or found where it exists already.
#[derive(Debug, Clone)]
pub struct NewSeries {
    /// The full label set, metric name included.
    pub labels: Labels,
    /// The time of the sample that follows: series that arrive with one timestamp are kept side by side.
    pub timestamp_ms: i64,
}

/// One sample of a series that has a handle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefSample {
    /// From [`MetricSink::find`] or [`MetricSink::create`].
    pub series: SeriesRef,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Any float64.
    pub value: f64,
}

/// One native histogram of a series that has a handle.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramRow {
    /// From [`MetricSink::find`] or [`MetricSink::create`].
    pub series: SeriesRef,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// What [`Histogram::validate`] accepts.
    pub histogram: Arc<Histogram>,
}

/// The start timestamp of a series that has a handle, see [`Starts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartRow {
    /// From [`MetricSink::find`] or [`MetricSink::create`].
    pub series: SeriesRef,
    /// The time of the first sample that has this start, in milliseconds since the epoch.
    pub from_ms: i64,
    /// From when on it counts, in milliseconds since the epoch.
    pub start_ms: i64,
}

/// Whoever takes samples. Blocking; callers on an async runtime use a blocking thread.
///
/// The way of a batch: [`find`](Self::find) or remember handles, [`create`](Self::create) what has none,
/// [`append_samples`](Self::append_samples). Batches that come in the order in which their series were created cost
/// the least. [`append`](Self::append) does all of it for callers that are in no hurry.
pub trait MetricSink: Send + Sync {
    /// Sets `refs` to the handles of the series with these keys, [`SeriesRef::UNKNOWN`] where there is none.
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>);

    /// Makes series, or finds those that exist; `refs` is set to a handle or the reason why not for each.
    fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>);

    /// Stores a batch. When this returns `Ok`, every sample not listed in the report survives a kill of the
    /// process. A handle that is not known is [`Rejected::UnknownSeries`].
    ///
    /// # Errors
    /// The store takes no writes; what of the batch was stored is not known, and sending it again does no harm.
    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError>;

    /// Stores a batch of native histograms, as [`append_samples`](Self::append_samples) does floats. They must be valid:
    /// whoever decodes foreign bytes calls [`Histogram::validate`].
    ///
    /// # Errors
    /// As for [`append_samples`](Self::append_samples).
    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError>;

    /// Remembers from when on the counters of series count. Callers may send the same again with every batch. Best
    /// effort: a store that keeps no starts, or does not know the handle, drops them.
    ///
    /// # Errors
    /// As for [`append_samples`](Self::append_samples).
    fn append_starts(&self, rows: &[StartRow]) -> Result<(), StoreError> {
        let _ = rows;
        Ok(())
    }

    /// Remembers what a family says of itself. Bounded and best effort: it may be forgotten at restart.
    fn set_metadata(&self, family: &str, metadata: &Metadata);

    /// Stores a batch of rows with their labels, whatever handles they have, and fills in
    /// [`MetricRow::series`] of the rows it took.
    ///
    /// # Errors
    /// As for [`append_samples`](Self::append_samples).
    fn append(&self, rows: &mut [MetricRow]) -> Result<AppendReport, StoreError> {
        let all: Vec<usize> = (0..rows.len()).collect();
        let mut report = AppendReport::default();
        let forgotten = append_rows(self, rows, &all, &mut report)?;
        if !forgotten.is_empty() {
            for &i in &forgotten {
                rows[i].series = SeriesRef::UNKNOWN;
            }
            let still = append_rows(self, rows, &forgotten, &mut report)?;
            report
                .rejected
                .extend(still.into_iter().map(|i| (i, Rejected::UnknownSeries)));
            report.rejected.sort_unstable_by_key(|(i, _)| *i);
        }
        Ok(report)
    }
}

/// Appends the rows numbered `which`; gives those whose handles the sink has forgotten.
fn append_rows<S: MetricSink + ?Sized>(
    sink: &S,
    rows: &mut [MetricRow],
    which: &[usize],
    report: &mut AppendReport,
) -> Result<Vec<usize>, StoreError> {
    let unknown = which
        .iter()
        .copied()
        .filter(|&i| rows[i].series == SeriesRef::UNKNOWN);
    let (indices, new): (Vec<usize>, Vec<NewSeries>) = unknown
        .map(|i| {
            (
                i,
                NewSeries {
                    labels: rows[i].labels.clone(),
                    timestamp_ms: rows[i].sample.timestamp_ms,
                },
            )
        })
        .unzip();
    if !new.is_empty() {
        let mut refs = Vec::with_capacity(new.len());
        sink.create(&new, &mut refs);
        for (&i, made) in indices.iter().zip(refs) {
            match made {
                Ok(series) => rows[i].series = series,
                Err(reason) => report.rejected.push((i, reason)),
            }
        }
    }
    let (indices, samples): (Vec<usize>, Vec<RefSample>) = which
        .iter()
        .filter(|&&i| rows[i].series != SeriesRef::UNKNOWN)
        .map(|&i| {
            let Sample { timestamp_ms, value } = rows[i].sample;
            (
                i,
                RefSample {
                    series: rows[i].series,
                    timestamp_ms,
                    value,
                },
            )
        })
        .unzip();
    let appended = sink.append_samples(&samples)?;
    report.stored += appended.stored;
    let mut forgotten = Vec::new();
    for (at, reason) in appended.rejected {
        match reason {
            Rejected::UnknownSeries => forgotten.push(indices[at]),
            reason => report.rejected.push((indices[at], reason)),
        }
    }
    report.rejected.sort_unstable_by_key(|(i, _)| *i);
    Ok(forgotten)
}

/// What a query will make of the samples. A store that kept only numbers about stretches of time gives those that
/// answer it best; single samples are given as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// The value at some time, or anything that is not one of the others.
    #[default]
    Last,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The sum.
    Sum,
    /// How many samples there are.
    Count,
    /// The mean.
    Mean,
    /// By how much a counter grows.
    Counter,
}

/// What a query wants of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SelectHints {
    /// First timestamp wanted, inclusive, in milliseconds.
    pub start_ms: i64,
    /// Last timestamp wanted, inclusive, in milliseconds.
    pub end_ms: i64,
    /// The query's step in milliseconds, 0 for an instant query.
    pub step_ms: i64,
    /// At most so many series; 0 for no bound. Exceeding it is [`StoreError::Limit`].
    pub max_series: u64,
    /// Up to this many milliseconds a number may stand for, where the store has both single samples and such numbers.
    /// 0 asks for single samples wherever there still are any.
    pub max_resolution_ms: i64,
    /// What the query will make of the samples.
    pub wanted: Wanted,
    /// The newest sample of each series in the range is enough; a store that finds it sooner than all may give it alone.
    pub newest_only: bool,
}

/// A point in the history of a store's writing, see [`MetricStore::changed_since`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A store of series that can be asked. A snapshot is immutable: what is appended later does not show in it.
pub trait MetricStore: Send + Sync {
    /// The data between two timestamps (inclusive, milliseconds), as it is now.
    ///
    /// # Errors
    /// The disk failed.
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError>;

    /// What families say of themselves, by family name.
    fn metadata(&self) -> Vec<(String, Metadata)>;

    /// How far writing has come. Asked before a snapshot is taken, it tells what the snapshot has for sure.
    fn revision(&self) -> Revision {
        Revision::default()
    }

    /// The earliest time of any sample that came or went after `revision`, in milliseconds since the epoch, and `None`
    /// where none did. It may be told too early, never too late: answers about times before it still hold.
    fn changed_since(&self, revision: Revision) -> Option<i64> {
        let _ = revision;
        Some(i64::MIN)
    }
}

/// An immutable view on which a query runs.
pub trait MetricSnapshot: Send + Sync {
    /// The series that satisfy all matchers and may have a sample in the range.
    ///
    /// # Errors
    /// The disk failed, bytes are corrupt, or there are more series than `hints.max_series`.
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError>;

    /// The label sets only of what [`MetricSnapshot::select`] would give for the snapshot's whole range.
    ///
    /// # Errors
    /// As for `select`.
    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError>;

    /// The names of labels, sorted, over the series that satisfy all matchers (none: over all series).
    ///
    /// # Errors
    /// As for `select`.
    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError>;

    /// The values of one label, sorted, over the series that satisfy all matchers (none: over all series).
    ///
    /// # Errors
    /// As for `select`.
    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError>;
}

/// The series of a selection. Several threads may read it at once, each with a reader of its own; each series is decoded
/// whole into the caller's columns. The order of the series means nothing, but is always the same.
pub trait SeriesSet: Send + Sync {
    /// How many series there are. Some may have no sample in the hinted range after all.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of one series; none twice. Of an index that is too large, the empty set.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    fn labels(&self, index: usize) -> Result<Labels, StoreError>;

    /// Reads the series of a range one after the other. Neighbours cost less than series far apart.
    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_>;
}

/// Reads series one after the other.
pub trait SeriesReader {
    /// Clears `into` and fills it with the next series' samples in the hinted range, which may be none. `false` after the
    /// last series.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    fn next(&mut self, into: &mut Samples) -> Result<bool, StoreError>;
}

/// A walk through all series of a set that have samples, with their labels: for callers that read on one thread.
pub struct Walk<'a> {
    set: &'a dyn SeriesSet,
    reader: Box<dyn SeriesReader + 'a>,
    index: usize,
}

impl<'a> Walk<'a> {
    /// A walk from the first series on.
    pub fn new(set: &'a dyn SeriesSet) -> Walk<'a> {
        Walk {
            set,
            reader: set.reader(0..set.len()),
            index: 0,
        }
    }

    /// Clears `into`, fills it with the next series' samples and gives its labels; `None` at the end.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn next(&mut self, into: &mut Samples) -> Result<Option<Labels>, StoreError> {
        while self.reader.next(into)? {
            let index = self.index;
            self.index += 1;
            if !into.is_empty() {
                return self.set.labels(index).map(Some);
            }
        }
        Ok(None)
    }
}
