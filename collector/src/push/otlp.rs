//! OpenTelemetry's protocol, version 1: export requests for the three signals, as protobuf or as JSON, turned
//! into spans as Jaeger does, into log records as Loki does, into samples as Prometheus does.
//!
//! The generated messages come from `opentelemetry-proto`. Surfaces, gRPC as well as HTTP, hand the bytes to [`decode`],
//! which bounds what they unfold to, and its result to [`traces`], [`logs`] or [`metrics`]. Specification:
//! <https://opentelemetry.io/docs/specs/otlp/>. Costs one generated message tree a request, besides the result.

mod json;
mod logs;
mod metrics;
mod names;
mod size;
mod traces;
mod value;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::PushError;

pub use logs::logs;
pub use metrics::{MetricBatch, metrics};
pub use names::{label_name, metric_name};
pub use traces::{MISSING_SERVICE, traces};

/// The two encodings of OTLP over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Format {
    /// Reads the value of a `Content-Type` header, its parameters aside.
    ///
    /// # Errors
    /// [`PushError::Unsupported`] where it is neither.
    pub fn from_content_type(value: Option<&str>) -> Result<Format, PushError> {
        let media_type = value.unwrap_or("").split(';').next().unwrap_or("").trim();
        if media_type.eq_ignore_ascii_case("application/x-protobuf") {
            Ok(Format::Protobuf)
        } else if media_type.eq_ignore_ascii_case("application/json") {
            Ok(Format::Json)
        } else {
            let what =
                format!("content type {media_type:?}; supported: application/x-protobuf, application/json");
            Err(PushError::Unsupported { what })
        }
    }
}

/// An export request of one of the three signals.
pub trait Request: prost::Message + Default + serde::de::DeserializeOwned + sealed::Sealed {}

impl Request for ExportTraceServiceRequest {}
impl Request for ExportLogsServiceRequest {}
impl Request for ExportMetricsServiceRequest {}

mod sealed {
    use super::size::{LOGS, METRICS, Shape, TRACES};
    use super::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};

    pub trait Sealed {
        const SHAPE: &'static Shape;
        /// Whether the generated types take a field that they cannot read for one that is absent, so that
        /// a first try would lose data without an error.
        const HIDES_ERRORS: bool = false;
    }
    impl Sealed for ExportTraceServiceRequest {
        const SHAPE: &'static Shape = &TRACES;
    }
    impl Sealed for ExportLogsServiceRequest {
        const SHAPE: &'static Shape = &LOGS;
    }
    impl Sealed for ExportMetricsServiceRequest {
        const SHAPE: &'static Shape = &METRICS;
        const HIDES_ERRORS: bool = true;
    }
}

/// Reads an export request, its compression already undone.
///
/// # Errors
/// [`PushError::Malformed`] where the bytes are no such message, [`PushError::TooLarge`] where it brings more than
/// 500,000 spans, log records or data points, or would unfold to more than 128 MiB.
pub fn decode<R: Request>(format: Format, bytes: &[u8]) -> Result<R, PushError> {
    match format {
        Format::Json => json::decode(bytes, R::HIDES_ERRORS),
        Format::Protobuf => {
            size::check(R::SHAPE, bytes)?;
            R::decode(bytes).map_err(|e| PushError::malformed("OTLP request", &e))
        }
    }
}

#[cfg(test)]
mod tests;
