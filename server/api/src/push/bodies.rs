//! Reading bodies: each within its bound, its time, and a bound on what all of them hold at once.
//!
//! Bytes count from their arrival until they are stored or refused, those that wait for a turn in the pool included.
//! What a body unpacks to is not counted: that happens in the pool, a few at once.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use collector::push::PushError;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;

/// All bodies under way together hold at most so many bytes.
pub const MAX_BYTES_IN_FLIGHT: usize = 256 << 20;

/// A body that has not arrived after so long is given up.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What is left of the bound on bytes in flight; clones share it.
#[derive(Debug, Clone)]
pub struct Bodies {
    free: Arc<Semaphore>,
    max_bytes: usize,
    timeout: Duration,
}

impl Default for Bodies {
    fn default() -> Bodies {
        Bodies::new(MAX_BYTES_IN_FLIGHT, BODY_TIMEOUT)
    }
}

/// What `Content-Length` says is believed up to here before the bytes are there.
const MAX_RESERVED: usize = 1 << 20;

/// A body, and its part of the bound, which it gives back when it is dropped.
#[derive(Debug, Default)]
pub(super) struct HeldBody {
    /// All there is, as long as it came in one piece: that is not copied.
    only: Bytes,
    /// All there is, where it came in several.
    joined: Vec<u8>,
    part: Option<OwnedSemaphorePermit>,
}

impl Deref for HeldBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.joined.is_empty() {
            &self.only
        } else {
            &self.joined
        }
    }
}

impl HeldBody {
    fn push(&mut self, data: Bytes, announced: usize) {
        if self.is_empty() {
            self.only = data;
            return;
        }
        if self.joined.is_empty() {
            let size = announced.min(MAX_RESERVED).max(self.only.len() + data.len());
            self.joined.reserve_exact(size);
            self.joined.extend_from_slice(&std::mem::take(&mut self.only));
        }
        self.joined.extend_from_slice(&data);
    }
}

impl Bodies {
    /// At most so many bytes at once, each body within so long.
    pub fn new(max_bytes: usize, timeout: Duration) -> Bodies {
        let max_bytes = max_bytes.min(Semaphore::MAX_PERMITS);
        Bodies {
            free: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
            timeout,
        }
    }

    /// Reads a body up to `limit` bytes.
    ///
    /// # Errors
    /// It is larger, broke off, took too long, or there is no room for it now.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<HeldBody, Refusal> {
        let reading = tokio::time::timeout(self.timeout, self.collect(announced(headers), body, limit));
        reading.await.unwrap_or(Err(Refusal::SlowBody(self.timeout)))
    }

    async fn collect(&self, announced: usize, mut body: Body, limit: usize) -> Result<HeldBody, Refusal> {
        // What is larger than all bodies together may be would wait for ever.
        let limit = limit.min(self.max_bytes);
        let too_large = || PushError::TooLarge {
            limit: limit as u64,
            unit: "bytes",
        };
        if announced > limit {
            return Err(too_large().into());
        }
        let mut held = HeldBody::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| PushError::Malformed {
                what: "body",
                detail: e.to_string(),
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if held.len() + data.len() > limit {
                return Err(too_large().into());
            }
            // Bytes count as they arrive, not as they are announced: words alone must not keep others out.
            join(&mut held.part, self.take(data.len())?);
            held.push(data, announced);
        }
        Ok(held)
    }

    fn take(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        if bytes == 0 {
            return Ok(None);
        }
        let permits = u32::try_from(bytes).map_err(|_| Refusal::ManyBodies)?;
        let part = Arc::clone(&self.free).try_acquire_many_owned(permits);
        part.map(Some).map_err(|_| Refusal::ManyBodies)
    }
}

fn join(part: &mut Option<OwnedSemaphorePermit>, more: Option<OwnedSemaphorePermit>) {
    match (part.as_mut(), more) {
        (Some(part), Some(more)) => part.merge(more),
        (None, more) => *part = more,
        (Some(_), None) => {}
    }
}

/// What `Content-Length` says; 0 where there is none.
fn announced(headers: &HeaderMap) -> usize {
    let text = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
