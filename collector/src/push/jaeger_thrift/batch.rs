//! The structs of `jaeger.thrift`: a batch of spans of one process.

use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId};

use super::MAX_SPANS;
use super::protocol::{Kind, Protocol, ThriftError, expect};
use crate::push::Decoded;

/// `Batch`: process 1, spans 2. A process may come after its spans, so it is put into them at the end.
pub(super) fn batch<'a>(protocol: &mut impl Protocol<'a>) -> Result<Decoded<Vec<Span>>, ThriftError> {
    let mut found: Option<Process> = None;
    let mut decoded = Decoded::all(Vec::new());
    let placeholder = Arc::new(Process::default());
    protocol.fields(|protocol, id, kind| match id {
        1 => {
            expect(kind, Kind::Struct)?;
            found = Some(process(protocol)?);
            Ok(())
        }
        2 => protocol.structs(kind, |protocol| {
            let span = span(protocol, &placeholder)?;
            if decoded.items.len() >= MAX_SPANS {
                return Err(ThriftError::TooMany(MAX_SPANS));
            }
            if span.trace_id.0 == 0 || span.span_id.0 == 0 {
                decoded.reject(1, || {
                    format!("span {:?}: the trace id or span id is zero", span.operation)
                });
            } else {
                decoded.items.push(span);
            }
            Ok(())
        }),
        _ => protocol.skip(kind),
    })?;
    let process = Arc::new(found.ok_or(ThriftError::Missing("the process of the batch"))?);
    for span in &mut decoded.items {
        span.process = Arc::clone(&process);
    }
    Ok(decoded)
}

/// `Process`: service name 1, tags 2.
fn process<'a>(protocol: &mut impl Protocol<'a>) -> Result<Process, ThriftError> {
    let mut process = Process::default();
    protocol.fields(|protocol, id, kind| match id {
        1 => {
            expect(kind, Kind::Binary)?;
            process.service = protocol.text()?.to_owned();
            Ok(())
        }
        2 => tags(protocol, kind, &mut process.tags),
        _ => protocol.skip(kind),
    })?;
    Ok(process)
}

fn tags<'a>(protocol: &mut impl Protocol<'a>, kind: Kind, into: &mut Vec<Tag>) -> Result<(), ThriftError> {
    protocol.structs(kind, |protocol| {
        into.push(tag(protocol)?);
        Ok(())
    })
}

/// `Tag`: key 1, type 2, and a value in one of 3 to 7, by the type.
fn tag<'a>(protocol: &mut impl Protocol<'a>) -> Result<Tag, ThriftError> {
    let (mut key, mut type_number) = (None, None);
    let (mut text, mut double, mut yes, mut long, mut bytes) = (None, None, None, None, None);
    protocol.fields(|protocol, id, kind| {
        match (id, kind) {
            (1, Kind::Binary) => key = Some(protocol.text()?),
            (2, Kind::I32) => type_number = Some(protocol.i32()?),
            (3, Kind::Binary) => text = Some(protocol.text()?),
            (4, Kind::Double) => double = Some(protocol.double()?),
            (5, Kind::Bool) => yes = Some(protocol.bool()?),
            (6, Kind::I64) => long = Some(protocol.i64()?),
            (7, Kind::Binary) => bytes = Some(protocol.binary()?),
            _ => protocol.skip(kind)?,
        }
        Ok(())
    })?;
    let value = match type_number.ok_or(ThriftError::Missing("the type of a tag"))? {
        0 => TagValue::String(text.unwrap_or_default().to_owned()),
        1 => TagValue::Float64(double.unwrap_or_default()),
        2 => TagValue::Bool(yes.unwrap_or_default()),
        3 => TagValue::Int64(long.unwrap_or_default()),
        4 => TagValue::Binary(bytes.unwrap_or_default().to_vec()),
        other => TagValue::String(format!("unknown type of tag: {other}")),
    };
    let key = key.ok_or(ThriftError::Missing("the key of a tag"))?.to_owned();
    Ok(Tag { key, value })
}

/// `Log`: timestamp 1, fields 2.
fn log<'a>(protocol: &mut impl Protocol<'a>) -> Result<SpanLog, ThriftError> {
    let mut timestamp = None;
    let mut fields = Vec::new();
    protocol.fields(|protocol, id, kind| match (id, kind) {
        (1, Kind::I64) => {
            timestamp = Some(protocol.i64()?);
            Ok(())
        }
        (2, _) => tags(protocol, kind, &mut fields),
        _ => protocol.skip(kind),
    })?;
    let timestamp = timestamp.ok_or(ThriftError::Missing("the time of a log"))?;
    Ok(SpanLog {
        timestamp_ns: nanoseconds(timestamp),
        fields,
    })
}

/// `SpanRef`: type 1, trace id low 2 and high 3, span id 4.
fn reference<'a>(protocol: &mut impl Protocol<'a>) -> Result<SpanRef, ThriftError> {
    let (mut type_number, mut low, mut high, mut span) = (0, None, 0, 0);
    protocol.fields(|protocol, id, kind| {
        match (id, kind) {
            (1, Kind::I32) => type_number = protocol.i32()?,
            (2, Kind::I64) => low = Some(protocol.i64()?),
            (3, Kind::I64) => high = protocol.i64()?,
            (4, Kind::I64) => span = protocol.i64()?,
            _ => protocol.skip(kind)?,
        }
        Ok(())
    })?;
    let kind = if type_number == 0 {
        RefKind::ChildOf
    } else {
        RefKind::FollowsFrom
    };
    let low = low.ok_or(ThriftError::Missing("the trace id of a reference"))?;
    Ok(SpanRef {
        kind,
        trace_id: trace_id(high, low),
        span_id: SpanId(span.cast_unsigned()),
        tags: Vec::new(),
    })
}

/// `Span`: ids 1 to 4, operation 5, references 6, flags 7, start 8, duration 9, tags 10, logs 11.
fn span<'a>(protocol: &mut impl Protocol<'a>, process: &Arc<Process>) -> Result<Span, ThriftError> {
    let (mut low, mut high, mut own, mut parent) = (None, 0, 0, 0);
    let mut span = empty(process);
    protocol.fields(|protocol, id, kind| {
        match (id, kind) {
            (1, Kind::I64) => low = Some(protocol.i64()?),
            (2, Kind::I64) => high = protocol.i64()?,
            (3, Kind::I64) => own = protocol.i64()?,
            (4, Kind::I64) => parent = protocol.i64()?,
            (5, Kind::Binary) => span.operation = protocol.text()?.to_owned(),
            (6, _) => protocol.structs(kind, |protocol| {
                span.references.push(reference(protocol)?);
                Ok(())
            })?,
            (7, Kind::I32) => span.flags = protocol.i32()?.cast_unsigned(),
            (8, Kind::I64) => span.start_ns = nanoseconds(protocol.i64()?),
            (9, Kind::I64) => span.duration_ns = nanoseconds(protocol.i64()?),
            (10, _) => tags(protocol, kind, &mut span.tags)?,
            (11, _) => protocol.structs(kind, |protocol| {
                span.logs.push(log(protocol)?);
                Ok(())
            })?,
            _ => protocol.skip(kind)?,
        }
        Ok(())
    })?;
    span.trace_id = trace_id(high, low.ok_or(ThriftError::Missing("the trace id of a span"))?);
    span.span_id = SpanId(own.cast_unsigned());
    add_parent(&mut span, SpanId(parent.cast_unsigned()));
    if span.duration_ns < 0 {
        span.duration_ns = 0;
        span.warnings
            .push("the span's duration was negative; it was set to zero".to_owned());
    }
    Ok(span)
}

fn empty(process: &Arc<Process>) -> Span {
    Span {
        trace_id: TraceId::default(),
        span_id: SpanId::default(),
        operation: String::new(),
        references: Vec::new(),
        flags: 0,
        start_ns: 0,
        duration_ns: 0,
        tags: Vec::new(),
        logs: Vec::new(),
        process: Arc::clone(process),
        warnings: Vec::new(),
    }
}

/// Old clients say the parent by a field of its own; it becomes the first reference, unless there already is
/// one to that span.
fn add_parent(span: &mut Span, parent: SpanId) {
    let trace_id = span.trace_id;
    let known = |r: &SpanRef| r.span_id == parent && r.trace_id == trace_id;
    if parent.0 != 0 && !span.references.iter().any(known) {
        let parent = SpanRef {
            kind: RefKind::ChildOf,
            trace_id,
            span_id: parent,
            tags: Vec::new(),
        };
        span.references.insert(0, parent);
    }
}

fn trace_id(high: i64, low: i64) -> TraceId {
    TraceId(u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned()))
}

fn nanoseconds(microseconds: i64) -> i64 {
    microseconds.saturating_mul(1000)
}
