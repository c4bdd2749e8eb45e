//! Who calls whom: each span that starts in a range and whose parent is known counts as one call of the span's
//! service by the parent's, as in Jaeger's memory store; calls within a service count too.
//!
//! Parents are looked for where the child lies (in memory, or in its group) and, failing that, by trace id
//! everywhere. Cost: every group that overlaps the range is read.

use std::collections::BTreeMap;

use model::StoreError;
use model::spans::{Dependency, SpanId, TraceId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::codec::{Batch, CodecError};
use crate::error::corrupt_head;
use crate::snapshot::Snapshot;

/// Traces in which a parent is looked for outside the child's group. In the traces beyond, only parents near
/// their children count: the answer is a graph of services, which a sample shows as well.
const MAX_FAR_TRACES: usize = 20_000;

/// A call whose caller is not known yet.
struct Call {
    trace_id: TraceId,
    parent: SpanId,
    child: String,
}

/// Counts calls; see the module.
#[derive(Default)]
struct Counter {
    calls: BTreeMap<(String, String), u64>,
    open: Vec<Call>,
}

/// Calls among spans that start in the range, sorted by caller.
///
/// # Errors
/// The disk failed or bytes are corrupt.
pub(crate) fn count(snapshot: &Snapshot, start_ns: i64, end_ns: i64) -> Result<Vec<Dependency>, StoreError> {
    let mut counter = Counter::default();
    let batches: Vec<&Batch> = snapshot.batches.iter().map(|batch| &**batch).collect();
    counter.add(&batches, start_ns, end_ns).map_err(corrupt_head)?;
    for block in snapshot
        .blocks
        .iter()
        .filter(|b| b.index.bounds.overlaps(start_ns, end_ns))
    {
        for (number, group) in block.index.groups.iter().enumerate() {
            if group.bounds.overlaps(start_ns, end_ns) {
                let batch = block.group(number as u32)?;
                counter.add(&[&batch], start_ns, end_ns).map_err(corrupt_head)?;
            }
        }
    }
    counter.close_far(snapshot)?;
    let link = |((parent, child), calls)| Dependency { parent, child, calls };
    Ok(counter.calls.into_iter().map(link).collect())
}

impl Counter {
    /// Counts the calls within the batches taken together.
    fn add(&mut self, batches: &[&Batch], start_ns: i64, end_ns: i64) -> Result<(), CodecError> {
        let mut services: FxHashMap<(TraceId, SpanId), &str> = FxHashMap::default();
        for batch in batches {
            for header in batch.headers() {
                services
                    .entry((header.trace_id, header.span_id))
                    .or_insert_with(|| batch.service(header));
            }
        }
        let mut seen = FxHashSet::default();
        for batch in batches {
            for header in batch.headers() {
                let mut again = || !seen.insert((header.trace_id, header.span_id, header.start_ns));
                if header.start_ns < start_ns || header.start_ns > end_ns || again() {
                    continue;
                }
                let Some(parent) = batch.parent(header)? else {
                    continue;
                };
                let child = batch.service(header);
                match services.get(&(header.trace_id, parent)) {
                    Some(service) => self.call(service, child),
                    None => self.open.push(Call {
                        trace_id: header.trace_id,
                        parent,
                        child: child.to_owned(),
                    }),
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, parent: &str, child: &str) {
        *self
            .calls
            .entry((parent.to_owned(), child.to_owned()))
            .or_default() += 1;
    }

    fn close_far(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let open = std::mem::take(&mut self.open);
        let mut ids: Vec<TraceId> = open.iter().map(|call| call.trace_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(MAX_FAR_TRACES);
        let wanted: FxHashSet<(TraceId, SpanId)> =
            open.iter().map(|call| (call.trace_id, call.parent)).collect();
        let mut services: FxHashMap<(TraceId, SpanId), String> = FxHashMap::default();
        snapshot.visit(&ids, |batch| {
            for header in batch.headers() {
                let key = (header.trace_id, header.span_id);
                if wanted.contains(&key) {
                    services
                        .entry(key)
                        .or_insert_with(|| batch.service(header).to_owned());
                }
            }
            Ok(())
        })?;
        for call in open {
            if let Some(service) = services.get(&(call.trace_id, call.parent)) {
                self.call(service, &call.child);
            }
        }
        Ok(())
    }
}
