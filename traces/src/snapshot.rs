//! An immutable view of all spans, on which a query runs under no lock.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::StoreError;
use model::spans::{Operation, Span, Trace, TraceId, TraceQuery};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::block::Block;
use crate::codec::Batch;
use crate::error::corrupt_head;
use crate::head::Catalogue;
use crate::options::Options;
use crate::search::Search;

/// With how many spans of the same id and start a span is compared to find that it came before. Retried pushes
/// bring a few; more come only from a client that gives all its spans one id.
const MAX_COMPARED: usize = 16;

/// What there is to ask.
pub(crate) struct Snapshot {
    /// Batches in no block yet.
    pub(crate) batches: Vec<Arc<Batch>>,
    /// Blocks, oldest first.
    pub(crate) blocks: Vec<Arc<Block>>,
}

impl Snapshot {
    /// The traces with a span that meets the query, the one with the newest span first.
    ///
    /// With more matches than the limit, those win whose matching part is newest: the part of a trace in memory,
    /// or in one group of one block, counts as old as its own newest span. A trace lies in one part unless its
    /// spans came before and after a block was cut.
    ///
    /// # Errors
    /// The disk failed, bytes are corrupt, or the answer is too large.
    pub(crate) fn find(&self, query: &TraceQuery, options: &Options) -> Result<Vec<Trace>, StoreError> {
        let Some(search) = Search::new(query)? else {
            return Ok(Vec::new());
        };
        let mut ranks = self.find_in_batches(&search)?;
        self.find_in_blocks(&search, query.limit, &mut ranks)?;
        keep_newest(&mut ranks, query.limit);
        let mut ids: Vec<TraceId> = ranks.into_keys().collect();
        ids.sort_unstable();
        let mut traces = self.traces(&ids, options)?;
        traces.sort_by_key(|trace| {
            let newest = trace.spans.iter().map(|span| span.start_ns).max();
            (std::cmp::Reverse(newest), trace.trace_id)
        });
        Ok(traces)
    }

    fn find_in_batches(&self, search: &Search<'_>) -> Result<FxHashMap<TraceId, i64>, StoreError> {
        let mut found = FxHashSet::default();
        for batch in &self.batches {
            search.scan(batch, &mut found).map_err(corrupt_head)?;
        }
        let mut ranks = FxHashMap::default();
        if !found.is_empty() {
            self.batches
                .iter()
                .for_each(|batch| rank(batch, &found, &mut ranks));
        }
        Ok(ranks)
    }

    fn find_in_blocks(
        &self,
        search: &Search<'_>,
        limit: usize,
        ranks: &mut FxHashMap<TraceId, i64>,
    ) -> Result<(), StoreError> {
        let serves = |block: &&Arc<Block>| {
            let catalogue = &block.index.catalogue;
            search.admits(&block.index.bounds) && search.service().is_none_or(|s| catalogue.contains_key(s))
        };
        let mut groups = Vec::new();
        for block in self.blocks.iter().filter(serves) {
            for (number, group) in block.index.groups.iter().enumerate() {
                if search.admits(&group.bounds) {
                    groups.push((group.bounds.max_start_ns, block, number as u32));
                }
            }
        }
        groups.sort_by_key(|(newest, ..)| std::cmp::Reverse(*newest));
        for (newest, block, number) in groups {
            // Nothing in this group or after it can be newer than what is found already.
            if keep_newest(ranks, limit).is_some_and(|oldest| oldest >= newest) {
                break;
            }
            if !block.may_hold(number, search.terms())? {
                continue;
            }
            let batch = block.group(number)?;
            let mut found = FxHashSet::default();
            search.scan(&batch, &mut found).map_err(corrupt_head)?;
            rank(&batch, &found, ranks);
        }
        Ok(())
    }

    /// The traces whole, of those ids (sorted) that exist.
    ///
    /// # Errors
    /// The disk failed, bytes are corrupt, or the answer is too large.
    pub(crate) fn traces(&self, ids: &[TraceId], options: &Options) -> Result<Vec<Trace>, StoreError> {
        let mut gathered: FxHashMap<TraceId, Gathered> = FxHashMap::default();
        let mut count = 0usize;
        self.visit(ids, |batch| {
            for header in batch.headers() {
                if ids.binary_search(&header.trace_id).is_err() {
                    continue;
                }
                let trace = gathered.entry(header.trace_id).or_default();
                trace.spans.push(batch.span(header).map_err(corrupt_head)?);
                count = (count + 1).saturating_sub(trace.shrink(options.max_spans_per_trace));
                if count > options.max_answer_spans {
                    let limit = options.max_answer_spans as u64;
                    return Err(StoreError::Limit {
                        what: "spans in an answer",
                        limit,
                    });
                }
            }
            Ok(())
        })?;
        let trace = |(trace_id, gathered): (TraceId, Gathered)| Trace {
            trace_id,
            spans: gathered.finish(options.max_spans_per_trace),
        };
        Ok(gathered.into_iter().map(trace).collect())
    }

    /// Hands every batch to `visit` that may hold spans of the traces, whose ids must be sorted.
    pub(crate) fn visit(
        &self,
        ids: &[TraceId],
        mut visit: impl FnMut(&Batch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        for batch in &self.batches {
            visit(batch)?;
        }
        for block in &self.blocks {
            for number in block.groups_of(ids)? {
                visit(&block.group(number)?)?;
            }
        }
        Ok(())
    }
}

/// The operations of one service, or of all, out of several catalogues.
pub(crate) fn operations<'a>(
    catalogues: impl Iterator<Item = &'a Catalogue>,
    service: &str,
    kind: Option<&str>,
) -> Vec<Operation> {
    let wanted = |operation: &&Operation| kind.is_none_or(|kind| operation.kind == kind);
    let all: BTreeSet<&Operation> = catalogues
        .filter_map(|c| c.get(service))
        .flatten()
        .filter(wanted)
        .collect();
    all.into_iter().cloned().collect()
}

/// Notes for each found trace its newest span in the batch.
fn rank(batch: &Batch, found: &FxHashSet<TraceId>, ranks: &mut FxHashMap<TraceId, i64>) {
    for header in batch.headers() {
        if found.contains(&header.trace_id) {
            let newest = ranks.entry(header.trace_id).or_insert(i64::MIN);
            *newest = header.start_ns.max(*newest);
        }
    }
}

/// Forgets all but the `limit` newest; gives the oldest of them when there are that many.
fn keep_newest(ranks: &mut FxHashMap<TraceId, i64>, limit: usize) -> Option<i64> {
    if ranks.len() < limit {
        return None;
    }
    let mut order: Vec<(i64, TraceId)> = ranks.iter().map(|(id, newest)| (*newest, *id)).collect();
    let (_, oldest, rest) = order.select_nth_unstable_by_key(limit.checked_sub(1)?, |(newest, id)| {
        (std::cmp::Reverse(*newest), *id)
    });
    let oldest = oldest.0;
    for (_, id) in rest {
        ranks.remove(id);
    }
    Some(oldest)
}

/// Sorts spans by start and id and removes those that came twice, all the same.
pub(crate) fn dedup(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| (span.start_ns, span.span_id));
    let mut kept: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans.drain(..) {
        let alike = kept.iter().rev().take(MAX_COMPARED);
        let mut alike = alike.take_while(|k| k.start_ns == span.start_ns && k.span_id == span.span_id);
        if !alike.any(|other| *other == span) {
            kept.push(span);
        }
    }
    *spans = kept;
}

/// The spans of one trace on the way to an answer.
#[derive(Default)]
struct Gathered {
    spans: Vec<Span>,
    left_out: usize,
}

impl Gathered {
    /// Once there are twice as many as may be shown, keeps the earliest; gives how many went.
    fn shrink(&mut self, limit: usize) -> usize {
        let before = self.spans.len();
        if before < limit.saturating_mul(2).max(1) {
            return 0;
        }
        dedup(&mut self.spans);
        self.left_out += self.spans.len().saturating_sub(limit);
        self.spans.truncate(limit);
        before - self.spans.len()
    }

    fn finish(mut self, limit: usize) -> Vec<Span> {
        dedup(&mut self.spans);
        let left_out = self.left_out + self.spans.len().saturating_sub(limit);
        self.spans.truncate(limit);
        if let Some(first) = self.spans.first_mut().filter(|_| left_out > 0) {
            first
                .warnings
                .push(format!("the {left_out} latest spans of this trace are not shown"));
        }
        self.spans
    }
}
