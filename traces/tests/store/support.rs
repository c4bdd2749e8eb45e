//! Spans to order, and stores to put them in.

use std::path::Path;
use std::sync::Arc;

use durable::Fs;
use model::spans::{Process, RefKind, Span, SpanId, SpanRef, Tag, TraceId, TraceQuery};
use model::{Clock, ManualClock};
use traces::{OpenReport, Options, Traces};

/// Some moment in 2026.
pub(crate) const NOW_MS: i64 = 1_790_000_000_000;

/// Where the store is in a file system in memory.
pub(crate) const DIR: &str = "/data/traces";

pub(crate) fn open(fs: &Arc<dyn Fs>) -> (Traces, OpenReport) {
    open_with(fs, Options::default(), Arc::new(ManualClock::at(NOW_MS)))
}

pub(crate) fn open_with(fs: &Arc<dyn Fs>, options: Options, clock: Arc<dyn Clock>) -> (Traces, OpenReport) {
    Traces::open(Arc::clone(fs), Path::new(DIR), options, clock).expect("the disk works")
}

/// A root span of service `s` and operation `op`.
pub(crate) fn span(trace: u128, id: u64, start_ns: i64) -> Span {
    Span {
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        operation: "op".to_owned(),
        references: Vec::new(),
        flags: 1,
        start_ns,
        duration_ns: 1000,
        tags: vec![Tag::string("span.kind", "server")],
        logs: Vec::new(),
        process: Arc::new(Process {
            service: "s".to_owned(),
            tags: Vec::new(),
        }),
        warnings: Vec::new(),
    }
}

pub(crate) fn child_of(mut span: Span, parent: u64, service: &str) -> Span {
    let trace_id = span.trace_id;
    span.references = vec![SpanRef {
        kind: RefKind::ChildOf,
        trace_id,
        span_id: SpanId(parent),
        tags: Vec::new(),
    }];
    span.process = Arc::new(Process {
        service: service.to_owned(),
        tags: Vec::new(),
    });
    span
}

/// Everything, newest first.
pub(crate) fn everything(limit: usize) -> TraceQuery {
    TraceQuery {
        start_min_ns: i64::MIN,
        start_max_ns: i64::MAX,
        limit,
        ..TraceQuery::default()
    }
}

/// Numbers that look random and are the same every time (xorshift64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}
