//! `POST /api/v1/read`: Prometheus' remote read, the answering side.
//!
//! Two kinds of answers, of which the client names those it takes: streamed chunks ([`stream`]), with one series and a
//! few frames in memory however much is asked for, and samples in one message ([`samples`]), bounded in number. Reading
//! has a pool of its own: a client that takes its time keeps no query waiting. Protocol:
//! <https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>.

mod request;
mod samples;
mod stream;
pub(super) mod wire;

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::metrics::{MetricSnapshot, SelectHints, SeriesSet, Wanted};
use model::{Labels, LabelsBuilder, MatchOp, Matcher, StoreError};

use super::PrometheusState;
use crate::{Pool, PoolError};
use request::{Kind, Query, ReadRequest};

/// A request longer than this, before or after decompression, is refused.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// What bounds remote read.
#[derive(Clone)]
pub struct ReadOptions {
    /// Samples in an answer that is not streamed; 0 for no bound.
    pub sample_limit: u64,
    /// A frame of a stream ends when it is so long.
    pub frame_bytes: usize,
    /// Where it happens.
    pub pool: Pool,
}

impl Default for ReadOptions {
    /// Prometheus' defaults.
    fn default() -> ReadOptions {
        ReadOptions {
            sample_limit: 50_000_000,
            frame_bytes: 1 << 20,
            pool: Pool::new("remote read", 10, 64),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The request is none.
    #[error("{0}")]
    Request(String),
    /// More samples than may be sent at once.
    #[error("exceeded sample limit ({0})")]
    TooMany(u64),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl IntoResponse for ReadError {
    fn into_response(self) -> Response {
        let status = match &self {
            ReadError::Request(_) | ReadError::TooMany(_) | ReadError::Store(StoreError::Invalid(_)) => {
                StatusCode::BAD_REQUEST
            }
            ReadError::Pool(PoolError::Overloaded(_)) => StatusCode::SERVICE_UNAVAILABLE,
            ReadError::Store(_) | ReadError::Pool(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{self}\n")).into_response()
    }
}

/// `POST /read`
pub(super) async fn read(State(state): State<PrometheusState>, body: Body) -> Result<Response, ReadError> {
    let body = to_bytes(body, MAX_REQUEST_BYTES).await;
    let body = body.map_err(|e| ReadError::Request(e.to_string()))?;
    let request = ReadRequest::decode(&unpacked(&body)?)?;
    let external = state.external_labels.read().clone();
    let source = Source { state, external };
    match request.kind {
        Kind::Samples => {
            let pool = source.state.read.pool.clone();
            let bytes = pool
                .run(move || samples::answer(&source, &request.queries))
                .await??;
            let headers = [
                (header::CONTENT_TYPE, "application/x-protobuf"),
                (header::CONTENT_ENCODING, "snappy"),
            ];
            Ok((headers, bytes).into_response())
        }
        Kind::Streamed => {
            let body = stream::answer(source, request.queries).await?;
            let kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
            Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
        }
    }
}

/// The request behind its compression, which must not make more of it than a request may be.
fn unpacked(body: &Bytes) -> Result<Vec<u8>, ReadError> {
    let wrong = |e: snap::Error| ReadError::Request(e.to_string());
    if snap::raw::decompress_len(body).map_err(wrong)? > MAX_REQUEST_BYTES {
        let why = format!("the request is longer than {MAX_REQUEST_BYTES} bytes");
        return Err(ReadError::Request(why));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(wrong)
}

/// Whom to ask, and what is added to series that leave this server.
struct Source {
    state: PrometheusState,
    external: Labels,
}

impl Source {
    /// The series of a query.
    fn select(&self, query: &Query) -> Result<Selected, StoreError> {
        let hints = SelectHints {
            start_ms: query.start_ms,
            end_ms: query.end_ms,
            wanted: Wanted::Last,
            ..SelectHints::default()
        };
        let snapshot = Arc::clone(&self.state.metrics).snapshot(query.start_ms, query.end_ms)?;
        let series = snapshot.select(&self.inside(&query.matchers)?, &hints)?;
        Ok(Selected {
            series,
            _snapshot: snapshot,
        })
    }

    /// What to look for inside: a label that is only added on the way out is not there, and what asks for its value asks
    /// for series without it.
    fn inside(&self, matchers: &[Matcher]) -> Result<Vec<Matcher>, StoreError> {
        let matchers = matchers.iter().map(|m| {
            if m.op == MatchOp::Equal && self.external.get(&m.name) == Some(m.value.as_str()) {
                Matcher::new(&*m.name, MatchOp::Equal, "")
            } else {
                Ok(m.clone())
            }
        });
        matchers
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| StoreError::Invalid(e.to_string()))
    }

    /// The labels of a series with those that are added to it.
    fn outside(&self, labels: &Labels) -> Labels {
        if self.external.is_empty() {
            return labels.clone();
        }
        let mut merged: LabelsBuilder = self.external.to_builder();
        for (name, value) in labels.iter() {
            merged.set(name, value);
        }
        merged.build()
    }
}

/// The series of a query, in the snapshot that they are read from.
struct Selected {
    series: Box<dyn SeriesSet>,
    _snapshot: Arc<dyn MetricSnapshot>,
}

#[cfg(test)]
mod tests;
