//! Spans to bytes. One pass; strings and processes are interned on the way. About 0.1 µs a tag.

use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanRef, Tag, TagValue};
use rustc_hash::FxHashMap;

use super::wire::{put_len, put_uvarint, put_zigzag};
use super::{VERSION, kind, reference};

/// A batch under construction.
#[derive(Default)]
pub(crate) struct Encoder {
    numbers: FxHashMap<Box<str>, u32>,
    text: String,
    lengths: Vec<u8>,
    /// By address, as long as `held` keeps the address taken; saves the comparison by content.
    process_by_address: FxHashMap<usize, u32>,
    process_by_bytes: FxHashMap<Vec<u8>, u32>,
    held: Vec<Arc<Process>>,
    processes: Vec<u8>,
    spans: Vec<u8>,
    count: usize,
    detail: Vec<u8>,
}

impl Encoder {
    /// Spans so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.lengths.len() + self.processes.len() + self.spans.len()
    }

    /// Adds a span.
    pub(crate) fn push(&mut self, span: &Span) {
        let process = self.process(&span.process);
        let operation = self.string(&span.operation);
        let mut detail = std::mem::take(&mut self.detail);
        detail.clear();
        self.detail(span, &mut detail);
        self.spans.extend_from_slice(&span.trace_id.0.to_be_bytes());
        self.spans.extend_from_slice(&span.span_id.0.to_be_bytes());
        self.spans.extend_from_slice(&span.start_ns.to_le_bytes());
        put_zigzag(&mut self.spans, span.duration_ns);
        put_uvarint(&mut self.spans, process.into());
        put_uvarint(&mut self.spans, operation.into());
        put_uvarint(&mut self.spans, span.flags.into());
        put_len(&mut self.spans, detail.len());
        self.spans.extend_from_slice(&detail);
        self.detail = detail;
        self.count += 1;
    }

    /// The batch's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() + 32);
        out.push(VERSION);
        put_len(&mut out, self.text.len());
        out.extend_from_slice(self.text.as_bytes());
        put_len(&mut out, self.numbers.len());
        out.extend_from_slice(&self.lengths);
        put_len(&mut out, self.process_by_bytes.len());
        out.extend_from_slice(&self.processes);
        put_len(&mut out, self.count);
        out.extend_from_slice(&self.spans);
        out
    }

    fn detail(&mut self, span: &Span, out: &mut Vec<u8>) {
        self.tags(&span.tags, out);
        put_len(out, span.references.len());
        for reference in &span.references {
            self.reference(span, reference, out);
        }
        put_len(out, span.logs.len());
        for log in &span.logs {
            // Relative to the span's start, which it is near to.
            put_zigzag(out, log.timestamp_ns.wrapping_sub(span.start_ns));
            self.tags(&log.fields, out);
        }
        put_len(out, span.warnings.len());
        for warning in &span.warnings {
            let number = self.string(warning);
            put_uvarint(out, number.into());
        }
    }

    fn reference(&mut self, span: &Span, to: &SpanRef, out: &mut Vec<u8>) {
        let other = to.trace_id != span.trace_id;
        let follows = to.kind == RefKind::FollowsFrom;
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(bit(follows, reference::FOLLOWS_FROM) | bit(other, reference::OTHER_TRACE));
        if other {
            out.extend_from_slice(&to.trace_id.0.to_be_bytes());
        }
        out.extend_from_slice(&to.span_id.0.to_be_bytes());
        self.tags(&to.tags, out);
    }

    fn tags(&mut self, tags: &[Tag], out: &mut Vec<u8>) {
        put_len(out, tags.len());
        for tag in tags {
            let key = self.string(&tag.key);
            put_uvarint(out, key.into());
            match &tag.value {
                TagValue::String(text) => {
                    out.push(kind::STRING);
                    let number = self.string(text);
                    put_uvarint(out, number.into());
                }
                TagValue::Bool(yes) => out.push(if *yes { kind::TRUE } else { kind::FALSE }),
                TagValue::Int64(number) => {
                    out.push(kind::INT64);
                    put_zigzag(out, *number);
                }
                TagValue::Float64(number) => {
                    out.push(kind::FLOAT64);
                    out.extend_from_slice(&number.to_bits().to_le_bytes());
                }
                TagValue::Binary(bytes) => {
                    out.push(kind::BINARY);
                    put_len(out, bytes.len());
                    out.extend_from_slice(bytes);
                }
            }
        }
    }

    fn string(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        // A batch is bounded far below 4 Gi strings.
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.into(), number);
        self.text.push_str(text);
        put_len(&mut self.lengths, text.len());
        number
    }

    fn process(&mut self, process: &Arc<Process>) -> u32 {
        let address = Arc::as_ptr(process) as usize;
        if let Some(number) = self.process_by_address.get(&address) {
            return *number;
        }
        let mut bytes = Vec::new();
        let service = self.string(&process.service);
        put_uvarint(&mut bytes, service.into());
        self.tags(&process.tags, &mut bytes);
        let next = self.process_by_bytes.len() as u32;
        let number = *self.process_by_bytes.entry(bytes).or_insert_with_key(|bytes| {
            self.processes.extend_from_slice(bytes);
            next
        });
        self.process_by_address.insert(address, number);
        self.held.push(Arc::clone(process));
        number
    }
}
