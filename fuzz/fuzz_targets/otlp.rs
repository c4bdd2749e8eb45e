//! OTLP requests of the three signals in both encodings.
#![no_main]

use collector::push::otlp::{Format, decode};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest as Logs;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest as Metrics;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Traces;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Protobuf, Format::Json] {
        let _ = decode::<Logs>(format, bytes);
        let _ = decode::<Metrics>(format, bytes);
        let _ = decode::<Traces>(format, bytes);
    }
});
