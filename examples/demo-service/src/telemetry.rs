//! The three signals of one service by OTLP.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// One service's tracer, logger and instruments.
pub(crate) struct Telemetry {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    metrics: SdkMeterProvider,
    logger: SdkLogger,
    /// Makes spans.
    pub(crate) tracer: SdkTracer,
    /// Requests by status.
    pub(crate) requests: Counter<u64>,
    /// How long they took, in seconds.
    pub(crate) duration: Histogram<f64>,
}

impl Telemetry {
    /// Exporters and providers for `service`.
    pub(crate) async fn start(
        service: &'static str,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        // The exporters' blocking HTTP client must not be made on a runtime's thread.
        tokio::task::spawn_blocking(move || Self::build(service)).await?
    }

    fn build(service: &'static str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.namespace", "demo"))
            .with_attribute(KeyValue::new("service.instance.id", format!("{service}-1")))
            .build();
        let traces = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(SpanExporter::builder().with_http().build()?)
            .build();
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(LogExporter::builder().with_http().build()?)
            .build();
        let reader = PeriodicReader::builder(MetricExporter::builder().with_http().build()?)
            .with_interval(Duration::from_secs(5))
            .build();
        let metrics = SdkMeterProvider::builder()
            .with_resource(resource)
            .with_reader(reader)
            .build();
        let meter = metrics.meter("demo");
        Ok(Telemetry {
            tracer: traces.tracer("demo"),
            logger: logs.logger("demo"),
            requests: meter
                .u64_counter("demo.requests")
                .with_description("Requests answered.")
                .build(),
            duration: meter
                .f64_histogram("demo.request.duration")
                .with_description("How long requests took.")
                .with_unit("s")
                .with_boundaries(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25])
                .build(),
            traces,
            logs,
            metrics,
        })
    }

    /// A log line within the span of `context`.
    pub(crate) fn log(&self, context: &Context, level: &'static str, text: &str) {
        let _within = context.clone().attach();
        let mut record = self.logger.create_log_record();
        record.set_timestamp(SystemTime::now());
        record.set_severity_text(level);
        record.set_severity_number(match level {
            "ERROR" => Severity::Error,
            "WARN" => Severity::Warn,
            _ => Severity::Info,
        });
        record.set_body(AnyValue::from(text.to_owned()));
        self.logger.emit(record);
    }

    /// Sends what is left.
    pub(crate) fn shutdown(&self) {
        let _ = self.traces.shutdown();
        let _ = self.logs.shutdown();
        let _ = self.metrics.shutdown();
    }
}

/// HTTP headers as the carrier of a trace's context.
#[derive(Default)]
pub(crate) struct Carrier(pub(crate) HeaderMap);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
