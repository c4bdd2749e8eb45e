//! Spans come in: encoded, logged, then shown. Encoding happens outside every lock.

use std::sync::atomic::Ordering::Relaxed;

use model::StoreError;
use model::spans::{Span, SpanSink};

use crate::codec::Batch;
use crate::error::corrupt_head;
use crate::store::Traces;
use crate::wal;

impl SpanSink for Traces {
    fn append(&self, spans: &[Span]) -> Result<(), StoreError> {
        if spans.is_empty() {
            return Ok(());
        }
        let result = self.ingest(spans);
        match &result {
            Ok(()) => {
                self.counters.spans.fetch_add(spans.len() as u64, Relaxed);
                self.counters.batches.fetch_add(1, Relaxed);
            }
            Err(_) => {
                self.counters.failed.fetch_add(1, Relaxed);
            }
        }
        result
    }
}

impl Traces {
    fn ingest(&self, spans: &[Span]) -> Result<(), StoreError> {
        let record = wal::encode(spans)?;
        // Decoded before it is logged: what cannot be read back is refused, not stored.
        let batch = Batch::decode(&record).map_err(corrupt_head)?;
        let now_ms = self.clock.now_ms();
        let mut log = self.log.lock();
        self.check_room()?;
        wal::append(&mut log, &record)?;
        // Still under the log's lock, so that a cut finds in the head exactly what the log's segments hold.
        self.state.write().head.add(batch, now_ms).map_err(corrupt_head)
    }

    fn check_room(&self) -> Result<(), StoreError> {
        let state = self.state.read();
        if let Some(why) = &state.poisoned {
            return Err(StoreError::ReadOnly(why.clone()));
        }
        let limit = self.options.max_head_bytes;
        if state.head_bytes() >= limit {
            return Err(StoreError::Limit {
                what: "bytes of spans waiting to become a block",
                limit,
            });
        }
        Ok(())
    }
}
