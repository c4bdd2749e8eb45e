//! Masthead's own log and traces: to standard error for people, and into its own stores by the way that everybody's
//! OTLP takes.

use std::fmt;
use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use collector::push::otlp;
use model::logs::LogSink;
use model::spans::SpanSink;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as console};

use crate::flags::LogLevel;

/// Where own spans and lines go once the stores are open; what comes earlier goes to standard error alone.
#[derive(Default)]
struct Sinks {
    spans: OnceLock<Arc<dyn SpanSink>>,
    logs: OnceLock<Arc<dyn LogSink>>,
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sinks")
    }
}

/// Own telemetry; ends with [`Telemetry::shutdown`].
pub(crate) struct Telemetry {
    sinks: Arc<Sinks>,
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Telemetry {
    /// Begins to log. Call once.
    pub(crate) fn start(level: LogLevel) -> Telemetry {
        let sinks = Arc::<Sinks>::default();
        let resource = Resource::builder()
            .with_service_name("masthead")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let traces = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(Exporter::new(&sinks))
            .build();
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(Exporter::new(&sinks))
            .build();
        let level = LevelFilter::from_level(match level {
            LogLevel::Debug => tracing::Level::DEBUG,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Error => tracing::Level::ERROR,
        });
        // Libraries below us speak up only when something is wrong.
        let filter = |level: LevelFilter| {
            let ours = [
                "masthead",
                "api",
                "collector",
                "alertmanager",
                "tsdb",
                "promql",
                "traces",
                "log_indexer",
            ];
            let level = level.into_level();
            let ours = ours.into_iter().map(move |target| (target, level));
            Targets::new()
                .with_default(LevelFilter::WARN)
                .with_targets(ours.filter_map(|(t, l)| Some((t, l?))))
        };
        let spoken = EnvFilter::try_from_env("MASTHEAD_LOG");
        let tracer = traces.tracer("masthead");
        // Colours are for people at a terminal; in a file or a journal they are noise.
        let colours = std::io::stderr().is_terminal();
        let stderr = console::layer()
            .with_writer(std::io::stderr)
            .with_target(true)
            .with_ansi(colours);
        let stderr = match spoken {
            Ok(asked) => stderr.with_filter(asked).boxed(),
            Err(_) => stderr.with_filter(filter(level)).boxed(),
        };
        tracing_subscriber::registry()
            .with(stderr)
            .with(OpenTelemetryTracingBridge::new(&logs).with_filter(filter(level)))
            .with(
                tracing_opentelemetry::layer()
                    .with_tracer(tracer)
                    .with_location(false)
                    .with_threads(false)
                    .with_target(false)
                    .with_filter(filter(LevelFilter::INFO)),
            )
            .init();
        Telemetry { sinks, traces, logs }
    }

    /// From here on into these stores too.
    pub(crate) fn connect(&self, spans: Arc<dyn SpanSink>, logs: Arc<dyn LogSink>) {
        let _ = self.sinks.spans.set(spans);
        let _ = self.sinks.logs.set(logs);
    }

    /// Hands on what is waiting. Blocking.
    pub(crate) fn shutdown(&self) {
        let wait = Duration::from_secs(2);
        let _ = self.traces.shutdown_with_timeout(wait);
        let _ = self.logs.shutdown_with_timeout(wait);
    }
}

/// Turns what the SDK gives into an OTLP request, and that into what the stores take.
#[derive(Debug)]
struct Exporter {
    sinks: Arc<Sinks>,
    resource: ResourceAttributesWithSchema,
}

impl Exporter {
    fn new(sinks: &Arc<Sinks>) -> Exporter {
        Exporter {
            sinks: Arc::clone(sinks),
            resource: ResourceAttributesWithSchema::default(),
        }
    }
}

fn failed(error: &model::StoreError) -> OTelSdkError {
    OTelSdkError::InternalFailure(error.to_string())
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let Some(sink) = self.sinks.spans.get() else {
            return Ok(());
        };
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let decoded = otlp::traces(ExportTraceServiceRequest { resource_spans });
        sink.append(&decoded.items).map_err(|e| failed(&e))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let Some(sink) = self.sinks.logs.get() else {
            return Ok(());
        };
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let request = ExportLogsServiceRequest { resource_logs };
        let decoded = otlp::logs(request, i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
            .map_err(|e| OTelSdkError::InternalFailure(e.to_string()))?;
        // A line of our own that the store refuses has been on standard error; there is nobody else to tell.
        sink.append(&decoded.items).map(drop).map_err(|e| failed(&e))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
