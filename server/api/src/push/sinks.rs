//! Where pushes go, and the three ways in that all protocols share.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use collector::push::otlp::MetricBatch;
use collector::push::remote_write::Receiver;
use collector::push::{Decoded, store_histograms};
use model::Clock;
use model::exemplar::ExemplarSink;
use model::logs::{LogRecord, LogSink};
use model::metrics::{Metadata, MetricRow, MetricSink, Rejected};
use model::spans::{Span, SpanSink};

use super::Refusal;
use super::bodies::{Bodies, HeldBody};
use crate::Pool;

/// What the endpoints need.
#[derive(Clone)]
pub struct PushState {
    /// Where samples go.
    pub metrics: Arc<dyn MetricSink>,
    /// Where exemplars go that come with samples of OTLP, if anywhere; [`Receiver::with_exemplars`] is for the others.
    pub exemplars: Option<Arc<dyn ExemplarSink>>,
    /// Where spans go.
    pub spans: Arc<dyn SpanSink>,
    /// Where log records go.
    pub logs: Arc<dyn LogSink>,
    /// Where decoding and storing run.
    pub pool: Pool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// No body, before or after decompression, is larger; bytes.
    pub max_body_bytes: usize,
    /// What all bodies may hold together; one for all addresses.
    pub bodies: Bodies,
    /// Takes remote write apart; one for all addresses, for its buffers.
    pub remote_write: Receiver,
}

/// More of a stream's labels than this is not repeated to its sender, in characters.
const MAX_SHOWN_STREAM: usize = 200;

/// Samples that a store refused, by reason.
pub(super) type RejectedCounts = BTreeMap<&'static str, u64>;

impl PushState {
    /// Reads a body within its bounds.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<HeldBody, Refusal> {
        self.bodies.read(headers, body, self.max_body_bytes).await
    }

    /// Runs decoding and storing on the ingest pool.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PushState) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let state = self.clone();
        self.pool.run(move || work(&state)).await?
    }

    /// Stores samples with what their families say of themselves; gives what the store refused.
    pub(super) fn store_metrics(
        &self,
        rows: &mut [MetricRow],
        metadata: &[(String, Metadata)],
    ) -> Result<RejectedCounts, Refusal> {
        let report = if rows.is_empty() {
            Default::default()
        } else {
            self.metrics.append(rows)?
        };
        for (family, metadata) in metadata {
            self.metrics.set_metadata(family, metadata);
        }
        let mut counts = RejectedCounts::new();
        for (_, why) in report.rejected {
            *counts.entry(Rejected::as_str(why)).or_default() += 1;
        }
        Ok(counts)
    }

    /// Stores the samples of an OTLP request; what the store refused counts as rejected too. Exemplars go beside: what
    /// becomes of them is no business of the sender's.
    pub(super) fn store_batch(&self, mut decoded: Decoded<MetricBatch>) -> Result<Decoded<()>, Refusal> {
        let mut refused = self.store_metrics(&mut decoded.items.rows, &decoded.items.metadata)?;
        let report = store_histograms(self.metrics.as_ref(), &decoded.items.histograms)?;
        for (_, why) in report.rejected {
            *refused.entry(Rejected::as_str(why)).or_default() += 1;
        }
        if let (Some(sink), [_, ..]) = (&self.exemplars, decoded.items.exemplars.as_slice())
            && let Err(error) = sink.append_exemplars(&decoded.items.exemplars)
        {
            tracing::warn!(%error, "exemplars of an OTLP request were not stored");
        }
        let mut done = Decoded {
            items: (),
            rejected: decoded.rejected,
            message: decoded.message,
        };
        for (why, count) in refused {
            if done.message.is_empty() {
                why.clone_into(&mut done.message);
            }
            done.rejected += count;
        }
        Ok(done)
    }

    /// Stores the good lines of a request; those that the store refused count as rejected too.
    pub(super) fn store_lines(&self, decoded: Decoded<Vec<LogRecord>>) -> Result<Decoded<()>, Refusal> {
        let mut done = Decoded {
            items: (),
            rejected: decoded.rejected,
            message: decoded.message,
        };
        if decoded.items.is_empty() {
            return Ok(done);
        }
        let report = self.logs.append(&decoded.items)?;
        done.rejected += report.rejected.len() as u64;
        if let (Some(&(index, why)), true) = (report.rejected.first(), done.message.is_empty()) {
            done.message = why.as_str().to_owned();
            if let Some(record) = decoded.items.get(index) {
                let stream = record.stream.to_string();
                let stream: String = stream.chars().take(MAX_SHOWN_STREAM).collect();
                done.message.push_str(&format!(
                    ": line of {} ns in stream {stream}",
                    record.timestamp_ns
                ));
            }
        }
        Ok(done)
    }

    /// Stores spans.
    pub(super) fn store_spans(&self, decoded: Decoded<Vec<Span>>) -> Result<Decoded<()>, Refusal> {
        if !decoded.items.is_empty() {
            self.spans.append(&decoded.items)?;
        }
        Ok(Decoded {
            items: (),
            rejected: decoded.rejected,
            message: decoded.message,
        })
    }
}
