//! What a protobuf message will occupy once it is decoded, counted before it is.
//!
//! Two bytes on the wire can stand for a span with nothing in it, which takes hundreds in memory: a body
//! within its bound could unfold to gigabytes. The walk follows the nesting of OTLP's messages and adds up
//! what the generated types take; it costs a pass over the bytes and no memory.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, SummaryDataPoint,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

use crate::push::PushError;
use crate::push::wire::Message;

/// More bytes than this in decoded messages are refused.
pub(crate) const MAX_DECODED: usize = 512 << 20;

/// As deep as `prost` goes.
const MAX_DEPTH: usize = 100;

/// A message type: what one takes, and which of its fields hold messages of which type.
#[derive(Debug)]
pub struct Shape {
    bytes: usize,
    nested: &'static [(u32, &'static Shape)],
}

impl Shape {
    const fn of<T>(nested: &'static [(u32, &'static Shape)]) -> Shape {
        Shape {
            bytes: size_of::<T>(),
            nested,
        }
    }
}

static ANY: Shape = Shape::of::<AnyValue>(&[(5, &ARRAY), (6, &MAP)]);
static ARRAY: Shape = Shape::of::<()>(&[(1, &ANY)]);
static MAP: Shape = Shape::of::<()>(&[(1, &PAIR)]);
static PAIR: Shape = Shape::of::<KeyValue>(&[(2, &ANY)]);
static RESOURCE: Shape = Shape::of::<()>(&[(1, &PAIR)]);
static SCOPE: Shape = Shape::of::<InstrumentationScope>(&[(3, &PAIR)]);

static EVENT: Shape = Shape::of::<span::Event>(&[(3, &PAIR)]);
static LINK: Shape = Shape::of::<span::Link>(&[(4, &PAIR)]);
static SPAN: Shape = Shape::of::<Span>(&[(9, &PAIR), (11, &EVENT), (13, &LINK)]);
static SCOPE_SPANS: Shape = Shape::of::<ScopeSpans>(&[(1, &SCOPE), (2, &SPAN)]);
static RESOURCE_SPANS: Shape = Shape::of::<ResourceSpans>(&[(1, &RESOURCE), (2, &SCOPE_SPANS)]);
/// An export request for traces.
pub(crate) static TRACES: Shape = Shape::of::<()>(&[(1, &RESOURCE_SPANS)]);

static LOG: Shape = Shape::of::<LogRecord>(&[(5, &ANY), (6, &PAIR)]);
static SCOPE_LOGS: Shape = Shape::of::<ScopeLogs>(&[(1, &SCOPE), (2, &LOG)]);
static RESOURCE_LOGS: Shape = Shape::of::<ResourceLogs>(&[(1, &RESOURCE), (2, &SCOPE_LOGS)]);
/// An export request for logs.
pub(crate) static LOGS: Shape = Shape::of::<()>(&[(1, &RESOURCE_LOGS)]);

static EXEMPLAR: Shape = Shape::of::<Exemplar>(&[(7, &PAIR)]);
static NUMBER_POINT: Shape = Shape::of::<NumberDataPoint>(&[(7, &PAIR), (5, &EXEMPLAR)]);
static HISTOGRAM_POINT: Shape = Shape::of::<HistogramDataPoint>(&[(9, &PAIR), (8, &EXEMPLAR)]);
static EXPONENTIAL_POINT: Shape = Shape::of::<ExponentialHistogramDataPoint>(&[(1, &PAIR), (11, &EXEMPLAR)]);
static QUANTILE: Shape = Shape::of::<(f64, f64)>(&[]);
static SUMMARY_POINT: Shape = Shape::of::<SummaryDataPoint>(&[(7, &PAIR), (6, &QUANTILE)]);
static NUMBERS: Shape = Shape::of::<()>(&[(1, &NUMBER_POINT)]);
static HISTOGRAM: Shape = Shape::of::<()>(&[(1, &HISTOGRAM_POINT)]);
static EXPONENTIAL: Shape = Shape::of::<()>(&[(1, &EXPONENTIAL_POINT)]);
static SUMMARY: Shape = Shape::of::<()>(&[(1, &SUMMARY_POINT)]);
static METRIC: Shape = Shape::of::<Metric>(&[
    (5, &NUMBERS),
    (7, &NUMBERS),
    (9, &HISTOGRAM),
    (10, &EXPONENTIAL),
    (11, &SUMMARY),
    (12, &PAIR),
]);
static SCOPE_METRICS: Shape = Shape::of::<ScopeMetrics>(&[(1, &SCOPE), (2, &METRIC)]);
static RESOURCE_METRICS: Shape = Shape::of::<ResourceMetrics>(&[(1, &RESOURCE), (2, &SCOPE_METRICS)]);
/// An export request for metrics.
pub(crate) static METRICS: Shape = Shape::of::<()>(&[(1, &RESOURCE_METRICS)]);

/// Refuses a message that would unfold to more than [`MAX_DECODED`]. Bytes that are not protobuf pass here:
/// the decoder says better what is wrong with them.
pub(crate) fn check(shape: &Shape, bytes: &[u8]) -> Result<(), PushError> {
    let mut left = MAX_DECODED;
    match walk(shape, bytes, MAX_DEPTH, &mut left) {
        Some(()) => Ok(()),
        None => Err(PushError::TooLarge {
            limit: MAX_DECODED as u64,
            unit: "bytes in memory",
        }),
    }
}

fn walk(shape: &Shape, bytes: &[u8], depth: usize, left: &mut usize) -> Option<()> {
    // The decoder refuses what is nested deeper, so what lies there takes nothing.
    let Some(depth) = depth.checked_sub(1) else {
        return Some(());
    };
    for field in Message::new(bytes) {
        let Ok(field) = field else { return Some(()) };
        let Some((_, nested)) = shape.nested.iter().find(|(number, _)| *number == field.number) else {
            continue;
        };
        let Ok(bytes) = field.bytes() else { return Some(()) };
        *left = left.checked_sub(nested.bytes)?;
        walk(nested, bytes, depth, left)?;
    }
    Some(())
}
