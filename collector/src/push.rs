//! Decoders of what others push: bytes in, the vocabulary of `model` out. No socket, no clock, no runtime.
//!
//! An HTTP or gRPC surface reads a body (bounded), hands it to [`body::decode`] to undo its compression
//! (bounded again) and then to the decoder of its format; what comes out goes to a sink of `model`. Every
//! decoder takes hostile bytes: it never panics, nests and allocates within named bounds, and says what is
//! wrong. Costs: one pass over the body, and the allocations of what it yields.

pub mod body;
pub mod error;
pub mod jaeger_thrift;
pub mod level;
pub mod loki;
pub mod native;
pub mod otlp;
pub mod remote_write;
pub mod service;
pub mod wire;
pub mod zipkin;

pub use error::PushError;
pub use native::{NativeHistogram, store_histograms};

/// What a decoder made of a request some parts of which it could not take.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// The good part.
    pub items: T,
    /// How many spans, records or points were refused; OTLP's `partial_success` counts them.
    pub rejected: u64,
    /// Why the first of them was refused; empty where none was.
    pub message: String,
}

impl<T> Decoded<T> {
    /// Everything was taken.
    pub fn all(items: T) -> Decoded<T> {
        Decoded {
            items,
            rejected: 0,
            message: String::new(),
        }
    }

    /// Notes that `count` parts were refused; the first reason is kept.
    fn reject(&mut self, count: u64, reason: impl FnOnce() -> String) {
        if count > 0 && self.message.is_empty() {
            self.message = reason();
        }
        self.rejected = self.rejected.saturating_add(count);
    }
}

#[cfg(test)]
pub(crate) mod mutation;
