//! The memory in which requests are taken apart, used again from request to request.

use std::sync::Arc;

use model::exemplar::ExemplarSink;
use model::metrics::{MetricSink, SeriesRef};
use parking_lot::Mutex;

use super::walk::Walk;
use super::{ReceiveError, Received};

/// So many sets of buffers are kept while nobody uses them: as many requests at once allocate nothing.
const MAX_IDLE: usize = 4;
/// Buffers that a request has made larger than this are freed behind it, in bytes.
const MAX_IDLE_BYTES: usize = 4 << 20;

/// Takes requests, any number at once; clones share their buffers.
#[derive(Clone, Default)]
pub struct Receiver {
    idle: Arc<Mutex<Vec<Buffers>>>,
    exemplars: Option<Arc<dyn ExemplarSink>>,
}

/// What one request needs.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The unpacked body; its length is that of the largest yet, see [`crate::push::body::snappy_into`].
    pub(super) plain: Vec<u8>,
    pub(super) walk: Walk,
    /// The handles of the walk's series.
    pub(super) refs: Vec<SeriesRef>,
}

impl Receiver {
    /// One that hands exemplars on; others step over them.
    pub fn with_exemplars(exemplars: Arc<dyn ExemplarSink>) -> Receiver {
        Receiver {
            exemplars: Some(exemplars),
            ..Receiver::default()
        }
    }

    /// Stores what a request holds, `body` as it was sent, unpacked to at most `limit` bytes. Blocking.
    ///
    /// # Errors
    /// The bytes are wrong or too many, or the store took nothing.
    pub fn receive(
        &self,
        sink: &dyn MetricSink,
        body: &[u8],
        limit: usize,
    ) -> Result<Received, ReceiveError> {
        let mut buffers = self.idle.lock().pop().unwrap_or_default();
        let received = buffers.receive(sink, self.exemplars.as_deref(), body, limit);
        if buffers.bytes() <= MAX_IDLE_BYTES {
            let mut idle = self.idle.lock();
            if idle.len() < MAX_IDLE {
                idle.push(buffers);
            }
        }
        received
    }
}

impl Buffers {
    fn bytes(&self) -> usize {
        self.plain.capacity() + self.walk.bytes() + self.refs.capacity() * size_of::<SeriesRef>()
    }
}
