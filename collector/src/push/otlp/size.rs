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

/// More bytes than this in decoded messages are refused: four times the text of a body of the usual bound.
pub(crate) const MAX_DECODED: usize = 128 << 20;

/// More spans, log records or data points than this in one request are refused.
pub(crate) const MAX_ITEMS: usize = 500_000;

/// As deep as `prost` goes.
const MAX_DEPTH: usize = 100;

/// A message type: what one takes, and which of its fields hold messages of which type.
#[derive(Debug)]
pub struct Shape {
    bytes: usize,
    /// 1 for what a request brings: a span, a log record, a data point.
    items: usize,
    nested: &'static [(u32, &'static Shape)],
}

impl Shape {
    const fn of<T>(nested: &'static [(u32, &'static Shape)]) -> Shape {
        Shape {
            bytes: size_of::<T>(),
            items: 0,
            nested,
        }
    }

    const fn item<T>(nested: &'static [(u32, &'static Shape)]) -> Shape {
        Shape {
            items: 1,
            ..Shape::of::<T>(nested)
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
static SPAN: Shape = Shape::item::<Span>(&[(9, &PAIR), (11, &EVENT), (13, &LINK)]);
static SCOPE_SPANS: Shape = Shape::of::<ScopeSpans>(&[(1, &SCOPE), (2, &SPAN)]);
static RESOURCE_SPANS: Shape = Shape::of::<ResourceSpans>(&[(1, &RESOURCE), (2, &SCOPE_SPANS)]);
/// An export request for traces.
pub(crate) static TRACES: Shape = Shape::of::<()>(&[(1, &RESOURCE_SPANS)]);

static LOG: Shape = Shape::item::<LogRecord>(&[(5, &ANY), (6, &PAIR)]);
static SCOPE_LOGS: Shape = Shape::of::<ScopeLogs>(&[(1, &SCOPE), (2, &LOG)]);
static RESOURCE_LOGS: Shape = Shape::of::<ResourceLogs>(&[(1, &RESOURCE), (2, &SCOPE_LOGS)]);
/// An export request for logs.
pub(crate) static LOGS: Shape = Shape::of::<()>(&[(1, &RESOURCE_LOGS)]);

static EXEMPLAR: Shape = Shape::of::<Exemplar>(&[(7, &PAIR)]);
static NUMBER_POINT: Shape = Shape::item::<NumberDataPoint>(&[(7, &PAIR), (5, &EXEMPLAR)]);
static HISTOGRAM_POINT: Shape = Shape::item::<HistogramDataPoint>(&[(9, &PAIR), (8, &EXEMPLAR)]);
static EXPONENTIAL_POINT: Shape =
    Shape::item::<ExponentialHistogramDataPoint>(&[(1, &PAIR), (11, &EXEMPLAR)]);
static QUANTILE: Shape = Shape::of::<(f64, f64)>(&[]);
static SUMMARY_POINT: Shape = Shape::item::<SummaryDataPoint>(&[(7, &PAIR), (6, &QUANTILE)]);
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

/// Refuses a message of more than [`MAX_ITEMS`], or that would unfold to more than [`MAX_DECODED`]. Bytes that are not
/// protobuf pass here: the decoder says better what is wrong with them.
pub(crate) fn check(shape: &Shape, bytes: &[u8]) -> Result<(), PushError> {
    let mut left = Left {
        bytes: MAX_DECODED,
        items: MAX_ITEMS,
    };
    walk(shape, bytes, MAX_DEPTH, &mut left)
}

/// What a message may still bring.
struct Left {
    bytes: usize,
    items: usize,
}

impl Left {
    fn take(&mut self, shape: &Shape) -> Result<(), PushError> {
        let too_large = |limit: usize, unit| PushError::TooLarge {
            limit: limit as u64,
            unit,
        };
        let bytes = self.bytes.checked_sub(shape.bytes);
        self.bytes = bytes.ok_or_else(|| too_large(MAX_DECODED, "bytes in memory"))?;
        let items = self.items.checked_sub(shape.items);
        self.items = items.ok_or_else(|| too_large(MAX_ITEMS, "spans, log records or data points"))?;
        Ok(())
    }
}

fn walk(shape: &Shape, bytes: &[u8], depth: usize, left: &mut Left) -> Result<(), PushError> {
    // The decoder refuses what is nested deeper, so what lies there takes nothing.
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(());
    };
    for field in Message::new(bytes) {
        let Ok(field) = field else { return Ok(()) };
        let Some((_, nested)) = shape.nested.iter().find(|(number, _)| *number == field.number) else {
            continue;
        };
        let Ok(bytes) = field.bytes() else { return Ok(()) };
        left.take(nested)?;
        walk(nested, bytes, depth, left)?;
    }
    Ok(())
}
