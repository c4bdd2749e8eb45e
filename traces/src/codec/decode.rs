//! Bytes to spans, as little as is asked for: [`Batch::decode`] reads the strings, the processes and the fixed
//! part of every span; tags and logs are walked where they lie ([`Batch::visit_tags`]) and become owned only
//! in [`Batch::span`]. No byte is trusted.

use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId};

use super::wire::Reader;
use super::{CodecError, VERSION, kind, reference};

/// No span takes fewer bytes: ids, start, and a byte each for five numbers.
const MIN_SPAN_LEN: usize = 16 + 8 + 8 + 5;

/// Room made in advance for things whose number is only claimed.
const MAX_PREALLOC: usize = 1024;

/// A batch in memory: the strings it uses, who made its spans, and the spans.
#[derive(Debug)]
pub(crate) struct Batch {
    text: Box<str>,
    /// Where each string ends in `text`.
    ends: Box<[u32]>,
    processes: Box<[Arc<Process>]>,
    headers: Box<[Header]>,
    details: Box<[u8]>,
    bounds: Bounds,
}

/// The fixed part of a span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) start_ns: i64,
    pub(crate) duration_ns: i64,
    /// Number of the process.
    pub(crate) process: u32,
    /// Number of the string.
    pub(crate) operation: u32,
    flags: u32,
    detail_at: u32,
    detail_len: u32,
}

/// Between what its spans lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min_start_ns: i64,
    pub(crate) max_start_ns: i64,
    pub(crate) min_duration_ns: i64,
    pub(crate) max_duration_ns: i64,
}

impl Bounds {
    /// The bounds of nothing.
    pub(crate) const NONE: Bounds = Bounds {
        min_start_ns: i64::MAX,
        max_start_ns: i64::MIN,
        min_duration_ns: i64::MAX,
        max_duration_ns: i64::MIN,
    };

    /// Widens to include a span.
    pub(crate) fn add(&mut self, start_ns: i64, duration_ns: i64) {
        self.min_start_ns = self.min_start_ns.min(start_ns);
        self.max_start_ns = self.max_start_ns.max(start_ns);
        self.min_duration_ns = self.min_duration_ns.min(duration_ns);
        self.max_duration_ns = self.max_duration_ns.max(duration_ns);
    }

    /// Whether a span within may start in the range.
    pub(crate) fn overlaps(&self, start_ns: i64, end_ns: i64) -> bool {
        self.min_start_ns <= end_ns && self.max_start_ns >= start_ns
    }
}

/// The value of a tag, where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    String(&'a str),
    Bool(bool),
    Int64(i64),
    Float64(f64),
    Binary(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value without owning it.
    pub(crate) fn of(value: &'a TagValue) -> Value<'a> {
        match value {
            TagValue::String(text) => Value::String(text),
            TagValue::Bool(yes) => Value::Bool(*yes),
            TagValue::Int64(number) => Value::Int64(*number),
            TagValue::Float64(number) => Value::Float64(*number),
            TagValue::Binary(bytes) => Value::Binary(bytes),
        }
    }
}

impl From<Value<'_>> for TagValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::String(text) => TagValue::String(text.to_owned()),
            Value::Bool(yes) => TagValue::Bool(yes),
            Value::Int64(number) => TagValue::Int64(number),
            Value::Float64(number) => TagValue::Float64(number),
            Value::Binary(bytes) => TagValue::Binary(bytes.to_vec()),
        }
    }
}

impl Batch {
    /// Reads a batch.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Batch, CodecError> {
        let mut reader = Reader::new(bytes);
        match reader.byte()? {
            VERSION => {}
            other => return Err(CodecError::Version(other)),
        }
        let text: Box<str> = reader.text()?.into();
        let mut batch = Batch {
            ends: read_ends(&mut reader, &text)?,
            text,
            processes: Box::default(),
            headers: Box::default(),
            details: Box::default(),
            bounds: Bounds::NONE,
        };
        let processes = reader.count()?;
        let mut read = Vec::with_capacity(processes.min(MAX_PREALLOC));
        for _ in 0..processes {
            let service = batch.string(reader.uvarint32()?)?.to_owned();
            let tags = batch.tags(&mut reader)?;
            read.push(Arc::new(Process { service, tags }));
        }
        batch.processes = read.into();
        batch.read_spans(&mut reader)?;
        reader.end()?;
        Ok(batch)
    }

    fn read_spans(&mut self, reader: &mut Reader<'_>) -> Result<(), CodecError> {
        let count = reader.count()?;
        let mut headers = Vec::with_capacity(count.min(reader.left() / MIN_SPAN_LEN));
        let mut details = Vec::with_capacity(reader.left());
        for _ in 0..count {
            let mut header = Header {
                trace_id: TraceId(u128::from_be_bytes(reader.array()?)),
                span_id: SpanId(u64::from_be_bytes(reader.array()?)),
                start_ns: reader.i64()?,
                duration_ns: reader.zigzag()?,
                process: reader.uvarint32()?,
                operation: reader.uvarint32()?,
                flags: reader.uvarint32()?,
                detail_at: u32::try_from(details.len()).map_err(|_| CodecError::Number)?,
                detail_len: 0,
            };
            let len = reader.count()?;
            header.detail_len = u32::try_from(len).map_err(|_| CodecError::Number)?;
            details.extend_from_slice(reader.bytes(len)?);
            if header.process as usize >= self.processes.len() || header.operation as usize >= self.ends.len()
            {
                return Err(CodecError::Reference);
            }
            self.bounds.add(header.start_ns, header.duration_ns);
            headers.push(header);
        }
        self.headers = headers.into();
        self.details = details.into();
        Ok(())
    }

    /// The fixed parts of the spans, in the order they came.
    pub(crate) fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Between what the spans lie.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Who made the spans.
    pub(crate) fn processes(&self) -> &[Arc<Process>] {
        &self.processes
    }

    /// The service of a span.
    pub(crate) fn service(&self, header: &Header) -> &str {
        self.processes
            .get(header.process as usize)
            .map_or("", |p| p.service.as_str())
    }

    /// Bytes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.text.len() + self.details.len() + self.ends.len() * 4 + self.headers.len() * size_of::<Header>()
    }

    /// The string of a number.
    pub(crate) fn string(&self, number: u32) -> Result<&str, CodecError> {
        let number = number as usize;
        let end = *self.ends.get(number).ok_or(CodecError::Reference)? as usize;
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before).ok_or(CodecError::Reference)? as usize,
            None => 0,
        };
        self.text.get(start..end).ok_or(CodecError::Text)
    }

    /// The number of a string, if a span of the batch uses it.
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        let mut start = 0;
        for (number, end) in self.ends.iter().enumerate() {
            let end = *end as usize;
            if end - start == text.len() && self.text.get(start..end) == Some(text) {
                return u32::try_from(number).ok();
            }
            start = end;
        }
        None
    }

    /// Hands every tag of the span, of its references and of its logs to `visit` (key's number, value), until
    /// that returns false.
    pub(crate) fn visit_tags<'a>(
        &'a self,
        header: &Header,
        mut visit: impl FnMut(u32, Value<'a>) -> bool,
    ) -> Result<(), CodecError> {
        let mut reader = self.detail(header)?;
        if !self.visit_run(&mut reader, &mut visit)? {
            return Ok(());
        }
        for _ in 0..reader.count()? {
            read_reference(&mut reader, header.trace_id)?;
            if !self.visit_run(&mut reader, &mut visit)? {
                return Ok(());
            }
        }
        for _ in 0..reader.count()? {
            reader.zigzag()?;
            if !self.visit_run(&mut reader, &mut visit)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The span's parent: its first `ChildOf` within the trace.
    pub(crate) fn parent(&self, header: &Header) -> Result<Option<SpanId>, CodecError> {
        let mut reader = self.detail(header)?;
        self.visit_run(&mut reader, &mut |_, _| true)?;
        for _ in 0..reader.count()? {
            let (kind, trace_id, span_id) = read_reference(&mut reader, header.trace_id)?;
            if kind == RefKind::ChildOf && trace_id == header.trace_id {
                return Ok(Some(span_id));
            }
            self.visit_run(&mut reader, &mut |_, _| true)?;
        }
        Ok(None)
    }

    /// The whole span.
    pub(crate) fn span(&self, header: &Header) -> Result<Span, CodecError> {
        let mut reader = self.detail(header)?;
        let tags = self.tags(&mut reader)?;
        let count = reader.count()?;
        let mut references = Vec::with_capacity(count.min(MAX_PREALLOC));
        for _ in 0..count {
            let (kind, trace_id, span_id) = read_reference(&mut reader, header.trace_id)?;
            references.push(SpanRef {
                kind,
                trace_id,
                span_id,
                tags: self.tags(&mut reader)?,
            });
        }
        let count = reader.count()?;
        let mut logs = Vec::with_capacity(count.min(MAX_PREALLOC));
        for _ in 0..count {
            let timestamp_ns = header.start_ns.wrapping_add(reader.zigzag()?);
            logs.push(SpanLog {
                timestamp_ns,
                fields: self.tags(&mut reader)?,
            });
        }
        let count = reader.count()?;
        let mut warnings = Vec::with_capacity(count.min(MAX_PREALLOC));
        for _ in 0..count {
            warnings.push(self.string(reader.uvarint32()?)?.to_owned());
        }
        reader.end()?;
        let process = self
            .processes
            .get(header.process as usize)
            .ok_or(CodecError::Reference)?;
        Ok(Span {
            trace_id: header.trace_id,
            span_id: header.span_id,
            operation: self.string(header.operation)?.to_owned(),
            references,
            flags: header.flags,
            start_ns: header.start_ns,
            duration_ns: header.duration_ns,
            tags,
            logs,
            process: Arc::clone(process),
            warnings,
        })
    }

    fn detail(&self, header: &Header) -> Result<Reader<'_>, CodecError> {
        let start = header.detail_at as usize;
        let end = start + header.detail_len as usize;
        self.details
            .get(start..end)
            .map(Reader::new)
            .ok_or(CodecError::Short)
    }

    fn tags(&self, reader: &mut Reader<'_>) -> Result<Vec<Tag>, CodecError> {
        let count = reader.count()?;
        let mut tags = Vec::with_capacity(count.min(MAX_PREALLOC));
        for _ in 0..count {
            let key = self.string(reader.uvarint32()?)?.to_owned();
            tags.push(Tag {
                key,
                value: self.value(reader)?.into(),
            });
        }
        Ok(tags)
    }

    fn visit_run<'a, 'r: 'a>(
        &'a self,
        reader: &mut Reader<'r>,
        visit: &mut impl FnMut(u32, Value<'a>) -> bool,
    ) -> Result<bool, CodecError> {
        for _ in 0..reader.count()? {
            let key = reader.uvarint32()?;
            let value = self.value(reader)?;
            if !visit(key, value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn value<'x, 's: 'x, 'r: 'x>(&'s self, reader: &mut Reader<'r>) -> Result<Value<'x>, CodecError> {
        Ok(match reader.byte()? {
            kind::STRING => Value::String(self.string(reader.uvarint32()?)?),
            kind::FALSE => Value::Bool(false),
            kind::TRUE => Value::Bool(true),
            kind::INT64 => Value::Int64(reader.zigzag()?),
            kind::FLOAT64 => Value::Float64(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            kind::BINARY => {
                let len = reader.count()?;
                Value::Binary(reader.bytes(len)?)
            }
            other => return Err(CodecError::Kind(other)),
        })
    }
}

fn read_ends(reader: &mut Reader<'_>, text: &str) -> Result<Box<[u32]>, CodecError> {
    let count = reader.count()?;
    let mut ends = Vec::with_capacity(count);
    let mut end = 0usize;
    for _ in 0..count {
        end = end.saturating_add(usize::try_from(reader.uvarint()?).map_err(|_| CodecError::Number)?);
        if !text.is_char_boundary(end) {
            return Err(CodecError::Text);
        }
        ends.push(u32::try_from(end).map_err(|_| CodecError::Number)?);
    }
    if end == text.len() {
        Ok(ends.into())
    } else {
        Err(CodecError::Text)
    }
}

fn read_reference(reader: &mut Reader<'_>, own: TraceId) -> Result<(RefKind, TraceId, SpanId), CodecError> {
    let bits = reader.byte()?;
    if bits & !(reference::FOLLOWS_FROM | reference::OTHER_TRACE) != 0 {
        return Err(CodecError::Kind(bits));
    }
    let kind = if bits & reference::FOLLOWS_FROM == 0 {
        RefKind::ChildOf
    } else {
        RefKind::FollowsFrom
    };
    let trace_id = if bits & reference::OTHER_TRACE == 0 {
        own
    } else {
        TraceId(u128::from_be_bytes(reader.array()?))
    };
    Ok((kind, trace_id, SpanId(u64::from_be_bytes(reader.array()?))))
}
