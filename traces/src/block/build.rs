//! A head becomes the bytes of a block: a function of data. Traces go by their newest span, so that a search
//! for the newest traces reads the end of a block and stops. Spans that came twice are kept once.

use durable::frame;
use model::StoreError;
use model::spans::{Span, TraceId};
use rustc_hash::FxHashMap;

use super::filter::FilterBuilder;
use super::index::{Group, Index, Page, Place};
use super::{MAGIC, PAGE_TRACES, part};
use crate::codec::{Bounds, Encoder};
use crate::error::{corrupt_head, from_durable};
use crate::head::Head;
use crate::snapshot::dedup;

/// A group is closed after the trace that brings it to this many bytes before compression,
const GROUP_BYTES: usize = 256 << 10;

/// or within a trace at this many.
const LARGE_TRACE_BYTES: usize = 1 << 20;

/// Fast, and within a few percent of the slow levels on text that repeats as spans do.
const ZSTD_LEVEL: i32 = 3;

/// The bytes of a block of all spans in `head`, which is not empty.
///
/// # Errors
/// The head's batches are corrupt, or a part is larger than a frame may be.
pub(crate) fn build(head: &Head, created_ms: i64, log_segment: u64) -> Result<Vec<u8>, StoreError> {
    let mut writer = Writer::new(Index {
        created_ms,
        log_segment,
        catalogue: head.catalogue().clone(),
        ..Index::default()
    });
    for trace in traces(head) {
        let mut spans = Vec::with_capacity(trace.len());
        for (batch, header) in trace {
            let batch = head.batches().get(batch as usize);
            let span = batch.and_then(|batch| Some(batch.span(batch.headers().get(header as usize)?)));
            spans.extend(span.transpose().map_err(corrupt_head)?);
        }
        dedup(&mut spans);
        writer.trace(&spans)?;
    }
    writer.finish()
}

/// Where the spans of each trace are (batch, header), the trace with the newest span last.
fn traces(head: &Head) -> Vec<Vec<(u32, u32)>> {
    let mut traces: FxHashMap<TraceId, (i64, Vec<(u32, u32)>)> = FxHashMap::default();
    for (b, batch) in head.batches().iter().enumerate() {
        for (h, header) in batch.headers().iter().enumerate() {
            let trace = traces.entry(header.trace_id).or_insert((i64::MIN, Vec::new()));
            trace.0 = trace.0.max(header.start_ns);
            // A head of some hundred MiB has far fewer than 4 Gi spans.
            trace.1.push((b as u32, h as u32));
        }
    }
    let mut order: Vec<_> = traces
        .into_iter()
        .map(|(id, (newest, spans))| (newest, id, spans))
        .collect();
    order.sort_unstable_by_key(|(newest, id, _)| (*newest, *id));
    order.into_iter().map(|(_, _, spans)| spans).collect()
}

struct Writer {
    out: Vec<u8>,
    index: Index,
    encoder: Encoder,
    filter: FilterBuilder,
    bounds: Bounds,
    table: Vec<(TraceId, u32)>,
}

impl Writer {
    fn new(index: Index) -> Self {
        Writer {
            out: MAGIC.to_vec(),
            index,
            encoder: Encoder::default(),
            filter: FilterBuilder::default(),
            bounds: Bounds::NONE,
            table: Vec::new(),
        }
    }

    fn trace(&mut self, spans: &[Span]) -> Result<(), StoreError> {
        for span in spans {
            self.note(span.trace_id);
            self.encoder.push(span);
            self.filter.add(span);
            self.bounds.add(span.start_ns, span.duration_ns);
            if self.encoder.len() >= LARGE_TRACE_BYTES {
                self.close_group()?;
            }
        }
        if self.encoder.len() >= GROUP_BYTES {
            self.close_group()
        } else {
            Ok(())
        }
    }

    /// Enters the trace with the group under construction into the table, once.
    fn note(&mut self, id: TraceId) {
        let entry = (id, self.index.groups.len() as u32);
        if self.table.last() != Some(&entry) {
            self.table.push(entry);
        }
    }

    fn close_group(&mut self) -> Result<(), StoreError> {
        let encoder = std::mem::take(&mut self.encoder);
        if encoder.count() == 0 {
            return Ok(());
        }
        self.index.spans += encoder.count() as u64;
        let raw = encoder.finish();
        let compressed = zstd::bulk::compress(&raw, ZSTD_LEVEL)
            .map_err(|e| StoreError::io("compress a group of spans", e))?;
        let mut payload = Vec::with_capacity(4 + compressed.len());
        payload.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        payload.extend_from_slice(&compressed);
        let place = self.part(part::GROUP, &payload)?;
        let filter = self.filter.finish();
        let filter = self.part(part::FILTER, &filter)?;
        let bounds = std::mem::replace(&mut self.bounds, Bounds::NONE);
        self.index.groups.push(Group {
            place,
            filter,
            bounds,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, StoreError> {
        self.close_group()?;
        let mut table = std::mem::take(&mut self.table);
        table.sort_unstable();
        for page in table.chunks(PAGE_TRACES) {
            let Some((first, _)) = page.first() else { continue };
            let entry =
                |(id, group): &(TraceId, u32)| [&id.0.to_be_bytes()[..], &group.to_le_bytes()].concat();
            let payload: Vec<u8> = page.iter().flat_map(entry).collect();
            let place = self.part(part::TRACES, &payload)?;
            self.index.pages.push(Page { first: *first, place });
        }
        let index = self.index.encode();
        let place = self.part(part::INDEX, &index)?;
        self.out.extend_from_slice(&place.offset.to_le_bytes());
        self.out.extend_from_slice(&place.len.to_le_bytes());
        self.out.extend_from_slice(MAGIC);
        Ok(self.out)
    }

    fn part(&mut self, kind: u8, payload: &[u8]) -> Result<Place, StoreError> {
        if payload.len() > frame::MAX_PAYLOAD {
            let (len, limit) = (payload.len(), frame::MAX_PAYLOAD);
            return Err(from_durable(durable::DurableError::TooLarge { len, limit }));
        }
        let offset = self.out.len() as u64;
        frame::encode(kind, payload, &mut self.out);
        // Bounded by the check above.
        Ok(Place {
            offset,
            len: (self.out.len() as u64 - offset) as u32,
        })
    }
}
