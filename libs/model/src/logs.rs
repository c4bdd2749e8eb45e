//! Log records, and the traits between those who bring them, keep them and ask for them.
//!
//! The shape is Loki's: a stream of few labels, lines with a time in nanoseconds, and structured metadata
//! that varies by line.

use crate::spans::{SpanId, TraceId};
use crate::{Labels, Matcher, StoreError};

/// One line of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// Nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// The labels of the stream it belongs to: few, of few values, e.g. `service_name`, `namespace`.
    pub stream: Labels,
    /// The text, line breaks included, without a trailing one.
    pub line: String,
    /// What is known of this line alone, e.g. `detected_level`, and an OpenTelemetry record's attributes.
    pub metadata: Labels,
    /// The trace it was written in, if any.
    pub trace_id: Option<TraceId>,
    /// The span it was written in, if any.
    pub span_id: Option<SpanId>,
}

/// Why a store did not take one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectedLine {
    /// The line is longer than the store takes.
    LineTooLong,
    /// Its structured metadata is larger than the store takes.
    MetadataTooLong,
    /// The labels of its stream are longer than the store takes.
    StreamLabelsTooLong,
    /// Older than the retention.
    TooOld,
    /// Too far in the future to be true.
    TooFarInFuture,
    /// As many streams as allowed wait for their blocks; the line of a further one may be taken later.
    TooManyStreams,
}

impl RejectedLine {
    /// What a sender is told.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectedLine::LineTooLong => "line too long",
            RejectedLine::MetadataTooLong => "structured metadata too large",
            RejectedLine::StreamLabelsTooLong => "stream labels too long",
            RejectedLine::TooOld => "timestamp too old",
            RejectedLine::TooFarInFuture => "timestamp too new",
            RejectedLine::TooManyStreams => "limit on the number of streams reached",
        }
    }

    /// Whether the same line may be taken later.
    pub fn may_pass(self) -> bool {
        self == RejectedLine::TooManyStreams
    }
}

/// What became of a batch of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogAppendReport {
    /// Lines stored.
    pub stored: usize,
    /// Index in the batch, ascending, and reason of each line that was not.
    pub rejected: Vec<(usize, RejectedLine)>,
}

/// Whoever takes log records. Blocking.
pub trait LogSink: Send + Sync {
    /// Stores the lines that can be stored. When this returns `Ok` those survive a kill of the process; the report
    /// names the others.
    ///
    /// # Errors
    /// Nothing of the batch was stored. [`StoreError::Limit`]: a bound on what waits in memory, which passes.
    fn append(&self, records: &[LogRecord]) -> Result<LogAppendReport, StoreError>;
}

/// In what order lines are wanted, and from which end a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Newest first.
    #[default]
    Backward,
    /// Oldest first.
    Forward,
}

/// A condition on the text of a line.
#[derive(Debug, Clone)]
pub enum LineFilter {
    /// `|= "text"`: contains it, byte for byte.
    Contains(String),
    /// `!= "text"`
    NotContains(String),
    /// `|~ "re"`: matches somewhere, not anchored.
    Matches(regex::Regex),
    /// `!~ "re"`
    NotMatches(regex::Regex),
}

impl LineFilter {
    /// Whether `line` passes.
    pub fn accepts(&self, line: &str) -> bool {
        match self {
            LineFilter::Contains(text) => line.contains(text.as_str()),
            LineFilter::NotContains(text) => !line.contains(text.as_str()),
            LineFilter::Matches(re) => re.is_match(line),
            LineFilter::NotMatches(re) => !re.is_match(line),
        }
    }
}

/// A search for lines.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// All must hold for the labels of the stream.
    pub matchers: Vec<Matcher>,
    /// All must accept the line.
    pub filters: Vec<LineFilter>,
    /// Words that must all occur, in any order and letter case; how is the store's full-text search.
    pub text: Option<String>,
    /// The trace that the line was written in.
    pub trace_id: Option<TraceId>,
    /// First timestamp wanted, inclusive, in nanoseconds.
    pub start_ns: i64,
    /// First timestamp no longer wanted, in nanoseconds.
    pub end_ns: i64,
    /// At most so many lines.
    pub limit: usize,
    /// In what order.
    pub direction: Direction,
}

/// How many lines there are in one step of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCount {
    /// The step's start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Lines from there until the next step.
    pub count: u64,
}

/// A store of log lines that can be asked. Blocking. A line appended before a call began shows in its answer.
pub trait LogStore: Send + Sync {
    /// The lines that satisfy the query, in its direction; lines of equal time in the order of arrival.
    ///
    /// # Errors
    /// The disk failed or the text query is not valid.
    fn query(&self, query: &LogQuery) -> Result<Vec<LogRecord>, StoreError>;

    /// How many lines satisfy the query (its limit aside), in steps of `step_ns` from `start_ns` on,
    /// steps without lines included. At most 11,000 steps.
    ///
    /// # Errors
    /// As for `query`, or too many steps.
    fn count(&self, query: &LogQuery, step_ns: i64) -> Result<Vec<LogCount>, StoreError>;

    /// Names of stream labels with a line in the range, sorted.
    ///
    /// # Errors
    /// The disk failed.
    fn labels(&self, start_ns: i64, end_ns: i64) -> Result<Vec<String>, StoreError>;

    /// Values of one stream label in the range, over the streams that satisfy all matchers, sorted.
    ///
    /// # Errors
    /// The disk failed.
    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<String>, StoreError>;

    /// Streams with a line in the range that satisfy all matchers, sorted.
    ///
    /// # Errors
    /// The disk failed.
    fn series(&self, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> Result<Vec<Labels>, StoreError>;
}
