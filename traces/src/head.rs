//! The spans that are in no block yet: batches as they were logged, with a catalogue of services.
//!
//! A search walks the batches, each with bounds of time and duration, under no lock: a snapshot shares them.
//! Cost: about 250 bytes a span; a walk over a full head of 32 MiB takes some milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::spans::Operation;
use rustc_hash::FxHashSet;

use crate::codec::{Batch, CodecError, Value};

/// Services with their operations.
pub(crate) type Catalogue = BTreeMap<String, BTreeSet<Operation>>;

/// Spans in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    batches: Vec<Arc<Batch>>,
    catalogue: Catalogue,
    bytes: u64,
    spans: u64,
    /// When the first batch came, milliseconds since the epoch.
    since_ms: Option<i64>,
}

impl Head {
    /// Adds a batch that came at `now_ms`.
    ///
    /// # Errors
    /// The batch is corrupt; the head is unchanged.
    pub(crate) fn add(&mut self, batch: Batch, now_ms: i64) -> Result<(), CodecError> {
        for (service, operation) in operations(&batch)? {
            match self.catalogue.get_mut(service) {
                Some(known) => known.insert(operation),
                None => self
                    .catalogue
                    .entry(service.to_owned())
                    .or_default()
                    .insert(operation),
            };
        }
        self.bytes += batch.memory() as u64;
        self.spans += batch.headers().len() as u64;
        self.since_ms.get_or_insert(now_ms);
        self.batches.push(Arc::new(batch));
        Ok(())
    }

    pub(crate) fn batches(&self) -> &[Arc<Batch>] {
        &self.batches
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Bytes in memory, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn spans(&self) -> u64 {
        self.spans
    }

    /// How long ago the first batch came, in milliseconds; 0 for an empty head.
    pub(crate) fn age_ms(&self, now_ms: i64) -> i64 {
        self.since_ms.map_or(0, |since| now_ms.saturating_sub(since))
    }
}

/// The services and operations that occur in a batch.
fn operations(batch: &Batch) -> Result<Vec<(&str, Operation)>, CodecError> {
    let kind_key = batch.number("span.kind");
    let mut seen = FxHashSet::default();
    for header in batch.headers() {
        let mut kind = "";
        if kind_key.is_some() {
            batch.visit_tags(header, |key, value| match value {
                Value::String(text) if Some(key) == kind_key => {
                    kind = text;
                    false
                }
                _ => true,
            })?;
        }
        seen.insert((header.process, header.operation, kind));
    }
    let mut out = Vec::with_capacity(seen.len());
    for (process, operation, kind) in seen {
        let service = batch
            .processes()
            .get(process as usize)
            .ok_or(CodecError::Reference)?
            .service
            .as_str();
        let name = batch.string(operation)?.to_owned();
        out.push((
            service,
            Operation {
                name,
                kind: kind.to_owned(),
            },
        ));
    }
    Ok(out)
}
