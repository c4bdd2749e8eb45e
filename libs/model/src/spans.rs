//! Spans, and the traits between those who bring them, keep them and ask for them.
//!
//! The shape is Jaeger's (process, tags, logs, references), wide enough for OpenTelemetry: resource
//! attributes become process tags, events become logs, links become `FollowsFrom` references.

use std::fmt;
use std::sync::Arc;

use crate::StoreError;

/// 16 bytes, big endian, shown as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceId(pub u128);

/// 8 bytes, big endian, shown as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SpanId(pub u64);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl TraceId {
    /// Reads 1 to 32 hex digits (Jaeger clients drop leading zeros).
    pub fn from_hex(text: &str) -> Option<TraceId> {
        let hex = !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(TraceId)
    }
}

impl SpanId {
    /// Reads 1 to 16 hex digits.
    pub fn from_hex(text: &str) -> Option<SpanId> {
        let hex = !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u64::from_str_radix(text, 16).ok())
            .flatten()
            .map(SpanId)
    }
}

/// The value of a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum TagValue {
    /// Text. OpenTelemetry's arrays and maps arrive as their JSON text.
    String(String),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int64(i64),
    /// A float.
    Float64(f64),
    /// Bytes.
    Binary(Vec<u8>),
}

/// As Jaeger compares and shows it: text as it is, numbers in decimal, bytes in hex.
impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagValue::String(s) => f.write_str(s),
            TagValue::Bool(b) => write!(f, "{b}"),
            TagValue::Int64(i) => write!(f, "{i}"),
            TagValue::Float64(x) => write!(f, "{x}"),
            TagValue::Binary(bytes) => bytes.iter().try_for_each(|b| write!(f, "{b:02x}")),
        }
    }
}

/// A key with a typed value. A key can occur more than once.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: TagValue,
}

impl Tag {
    /// A tag with a text value.
    pub fn string(key: impl Into<String>, value: impl Into<String>) -> Tag {
        Tag {
            key: key.into(),
            value: TagValue::String(value.into()),
        }
    }
}

/// Something that happened during a span: an event, in OpenTelemetry's words.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLog {
    /// Nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// What happened; an OpenTelemetry event's name is the field `event`.
    pub fields: Vec<Tag>,
}

/// How one span points to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefKind {
    /// The other span is the parent and waits for this one.
    ChildOf,
    /// The other span caused this one and does not wait; OpenTelemetry's links.
    FollowsFrom,
}

impl RefKind {
    /// Jaeger's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            RefKind::ChildOf => "CHILD_OF",
            RefKind::FollowsFrom => "FOLLOWS_FROM",
        }
    }
}

/// A reference to a span of the same or another trace. The parent, if any, is the first `ChildOf`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRef {
    /// How.
    pub kind: RefKind,
    /// The trace of the other span.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// What the reference says of itself: an OpenTelemetry link's attributes.
    pub tags: Vec<Tag>,
}

/// Who made a span: a service with what is known of its instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Process {
    /// `service.name`.
    pub service: String,
    /// The other resource attributes or process tags.
    pub tags: Vec<Tag>,
}

/// A unit of work. `span.kind`, `otel.status_code`, `otel.status_description`, `error`, `otel.scope.name`,
/// `otel.scope.version` and `w3c.tracestate` are tags, as Jaeger shows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to; never 0.
    pub trace_id: TraceId,
    /// Its own id; never 0.
    pub span_id: SpanId,
    /// What was done.
    pub operation: String,
    /// To whom it points.
    pub references: Vec<SpanRef>,
    /// Jaeger's flags: 1 sampled, 2 debug.
    pub flags: u32,
    /// Nanoseconds since the epoch.
    pub start_ns: i64,
    /// Nanoseconds.
    pub duration_ns: i64,
    /// What is known of the work.
    pub tags: Vec<Tag>,
    /// What happened on the way.
    pub logs: Vec<SpanLog>,
    /// Who did it.
    pub process: Arc<Process>,
    /// What was mended on the way in, e.g. a clock that ran backwards.
    pub warnings: Vec<String>,
}

impl Span {
    /// The parent's id: the first `ChildOf` reference within the trace.
    pub fn parent_id(&self) -> Option<SpanId> {
        let parent = |r: &&SpanRef| r.kind == RefKind::ChildOf && r.trace_id == self.trace_id;
        self.references.iter().find(parent).map(|r| r.span_id)
    }

    /// The value of the tag `span.kind`, or "".
    pub fn kind(&self) -> &str {
        let kind = |t: &&Tag| t.key == "span.kind";
        match self.tags.iter().find(kind).map(|t| &t.value) {
            Some(TagValue::String(kind)) => kind,
            _ => "",
        }
    }
}

/// All stored spans of one trace, by start.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The trace.
    pub trace_id: TraceId,
    /// Its spans, at least one.
    pub spans: Vec<Span>,
}

/// Whoever takes spans. Blocking.
pub trait SpanSink: Send + Sync {
    /// Stores spans. When this returns `Ok` they survive a kill of the process.
    ///
    /// # Errors
    /// Nothing of the batch was stored.
    fn append(&self, spans: &[Span]) -> Result<(), StoreError>;
}

/// A search for traces: those with at least one span that meets every condition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceQuery {
    /// The span's service; `None` for any.
    pub service: Option<String>,
    /// The span's operation.
    pub operation: Option<String>,
    /// Key and text of tags that the span, its process or one of its logs must carry.
    pub tags: Vec<(String, String)>,
    /// The span starts at or after this, nanoseconds since the epoch.
    pub start_min_ns: i64,
    /// The span starts at or before this.
    pub start_max_ns: i64,
    /// At least so long, nanoseconds.
    pub duration_min_ns: Option<i64>,
    /// At most so long.
    pub duration_max_ns: Option<i64>,
    /// At most so many traces, newest first.
    pub limit: usize,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// `span.kind`, or "".
    pub kind: String,
}

/// How often one service called another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The service of the calling spans.
    pub parent: String,
    /// The service of the called spans.
    pub child: String,
    /// How many calls.
    pub calls: u64,
}

/// A store of spans that can be asked. Blocking.
pub trait SpanStore: Send + Sync {
    /// All services, sorted.
    ///
    /// # Errors
    /// The disk failed; likewise below.
    fn services(&self) -> Result<Vec<String>, StoreError>;

    /// The operations of a service, sorted; `kind` filters by `span.kind`.
    ///
    /// # Errors
    /// The disk failed.
    fn operations(&self, service: &str, kind: Option<&str>) -> Result<Vec<Operation>, StoreError>;

    /// Whole traces, the one with the newest span first.
    ///
    /// # Errors
    /// The disk failed.
    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError>;

    /// One trace, or `None`.
    ///
    /// # Errors
    /// The disk failed.
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError>;

    /// Those of several traces that exist, in the order of `ids`; an id that is named twice counts once.
    ///
    /// # Errors
    /// The disk failed, or the traces together are too large for an answer.
    fn traces(&self, ids: &[TraceId]) -> Result<Vec<Trace>, StoreError>;

    /// Who calls whom among spans that start in the range (nanoseconds, inclusive).
    ///
    /// # Errors
    /// The disk failed.
    fn dependencies(&self, start_ns: i64, end_ns: i64) -> Result<Vec<Dependency>, StoreError>;
}
