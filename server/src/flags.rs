//! The command line: Prometheus' flag names for the server, promtool's and amtool's words for the subcommands.

mod features;
mod listing;
pub(crate) mod tsdb_tool;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use collector::config::ByteSize;

use crate::memory::Budget;
pub(crate) use features::Features;

/// One binary that scrapes metrics, receives traces and logs, stores all three, evaluates alert rules and pages.
#[derive(Debug, Parser)]
#[command(name = "masthead", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Without one the server runs.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The server's flags.
    #[command(flatten)]
    pub server: ServerFlags,
}

/// What else the binary does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check files without running anything; exits with 1 where one is not valid.
    Check {
        /// What kind of file.
        #[command(subcommand)]
        what: Check,
    },
    /// Look into the series store, or bring samples of any age into it.
    Tsdb {
        /// What to do.
        #[command(subcommand)]
        what: tsdb_tool::Tsdb,
    },
}

/// What can be checked.
#[derive(Debug, Subcommand)]
pub(crate) enum Check {
    /// Configuration files, with the rule and notification files they name.
    Config {
        /// Leave out certificates, keys and templates that the files name.
        #[arg(long = "syntax-only")]
        syntax_only: bool,
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Rule files.
    Rules {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Alertmanager configuration files.
    Alertmanager {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Metrics in an exposition format, from standard input.
    Metrics {
        /// The format.
        #[arg(long, value_enum, default_value_t = MetricsFormat::Text)]
        format: MetricsFormat,
    },
}

/// An exposition format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsFormat {
    /// Prometheus' text format.
    Text,
    /// OpenMetrics 1.0.
    Openmetrics,
}

/// How the server runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerFlags {
    /// Configuration in prometheus.yml's format. Without it an embedded one is used, by which Masthead watches itself.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// Where data is kept.
    #[arg(
        long = "storage.path",
        visible_alias = "storage.tsdb.path",
        value_name = "DIR",
        default_value = "data"
    )]
    pub storage_path: PathBuf,

    /// How long metrics are kept; the configuration's storage.tsdb.retention has precedence.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION", value_parser = duration)]
    pub retention_time: Option<String>,

    /// How many bytes metrics may take on disk, e.g. 10GB.
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE")]
    pub retention_size: Option<String>,

    /// Keep metrics at one number of each kind for five minutes, so long; 0 for good.
    #[arg(long = "storage.tsdb.retention.5m", value_name = "DURATION", value_parser = duration)]
    pub retention_5m: Option<String>,

    /// Keep metrics at one number of each kind for an hour, so long; 0 for good.
    #[arg(long = "storage.tsdb.retention.1h", value_name = "DURATION", value_parser = duration)]
    pub retention_1h: Option<String>,

    /// When acknowledged samples survive a loss of power: `always` before they are acknowledged, or so long after it.
    #[arg(long = "storage.tsdb.fsync", value_name = "always|DURATION", default_value = "1s", value_parser = fsync)]
    pub fsync: tsdb::Fsync,

    /// At most so many series alive; 0 for no bound.
    #[arg(long = "storage.tsdb.max-series", value_name = "COUNT")]
    pub max_series: Option<u64>,

    /// At most so many series alive of one metric name; 0 for no bound.
    #[arg(long = "storage.tsdb.max-series-per-metric", value_name = "COUNT")]
    pub max_series_per_metric: Option<u64>,

    /// Memory for series: a size, e.g. 512MB, or a share of what the machine or the control group has, e.g. 10%.
    #[arg(long = "storage.memory", value_name = "SIZE")]
    pub memory: Option<Budget>,

    /// Address for people and APIs.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = "0.0.0.0:9090", value_parser = address)]
    pub listen_address: SocketAddr,

    /// The URL under which others reach this server, for links in notifications.
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<String>,

    /// Allow POST /-/reload.
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,

    /// Allow /api/v1/admin/tsdb: deleting series, snapshots.
    #[arg(long = "web.enable-admin-api")]
    pub enable_admin_api: bool,

    /// Address for OTLP over gRPC; "" switches it off.
    #[arg(long = "otlp.grpc-listen-address", value_name = "ADDRESS", default_value = "0.0.0.0:4317", value_parser = optional_address)]
    pub otlp_grpc_address: OptionalAddress,

    /// Address for OTLP over HTTP; "" switches it off.
    #[arg(long = "otlp.http-listen-address", value_name = "ADDRESS", default_value = "0.0.0.0:4318", value_parser = optional_address)]
    pub otlp_http_address: OptionalAddress,

    /// Address for Jaeger's thrift over HTTP (POST /api/traces), by convention :14268. Off by default; the main
    /// address takes it too.
    #[arg(long = "jaeger.thrift-http-listen-address", value_name = "ADDRESS", default_value = "", value_parser = optional_address)]
    pub jaeger_thrift_address: OptionalAddress,

    /// How long a query may take.
    #[arg(long = "query.timeout", value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub query_timeout: String,

    /// How far back an instant looks for a sample.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub lookback_delta: String,

    /// How many samples a query may hold at once.
    #[arg(long = "query.max-samples", value_name = "N", default_value_t = 50_000_000)]
    pub max_samples: usize,

    /// Memory that a query may take: a size, or a share of what the machine or the control group has.
    #[arg(long = "query.max-memory", value_name = "SIZE")]
    pub query_memory: Option<Budget>,

    /// Memory for answers to queries, for whoever asks again; 0 keeps none.
    #[arg(
        long = "query.results-cache-size",
        value_name = "SIZE",
        default_value = "32MB"
    )]
    pub results_cache_size: ByteSize,

    /// Queries that take longer are logged; 0 for none.
    #[arg(long = "query.slow-log-threshold", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub slow_query: String,

    /// How many samples a remote read without streaming may answer; 0 for no bound.
    #[arg(
        long = "storage.remote.read-sample-limit",
        value_name = "N",
        default_value_t = 50_000_000
    )]
    pub read_sample_limit: u64,

    /// How many remote reads run at once; more wait.
    #[arg(long = "storage.remote.read-concurrent-limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub read_concurrency: u16,

    /// How many bytes a frame of a streamed remote read has before it ends.
    #[arg(long = "storage.remote.read-max-bytes-in-frame", value_name = "BYTES", default_value_t = 1 << 20)]
    pub read_frame_bytes: usize,

    /// How many queries run at once, of whatever kind; more wait.
    #[arg(long = "query.max-concurrency", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrency: u16,

    /// Only messages of this severity or above.
    #[arg(long = "log.level", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,

    /// Comma-separated features, by Prometheus' names. Unknown ones are warned of.
    #[arg(long = "enable-feature", value_name = "FEATURE", value_delimiter = ',')]
    pub features: Vec<String>,
}

/// Severity of Masthead's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// As `tracing` names it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        }
    }
}

/// An address, or none where the flag is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionalAddress(pub Option<SocketAddr>);

fn optional_address(text: &str) -> Result<OptionalAddress, String> {
    if text.is_empty() {
        Ok(OptionalAddress(None))
    } else {
        address(text).map(|a| OptionalAddress(Some(a)))
    }
}

/// A duration as Prometheus writes it, kept as text; what is none is refused before anything is made on disk.
fn duration(text: &str) -> Result<String, String> {
    model::promtime::parse_duration(text)
        .map(|_| text.to_owned())
        .map_err(|e| e.to_string())
}

/// When samples are to survive a loss of power.
fn fsync(text: &str) -> Result<tsdb::Fsync, String> {
    if text == "always" {
        return Ok(tsdb::Fsync::Always);
    }
    match model::promtime::parse_duration_ms(text) {
        Ok(ms) if ms > 0 => Ok(tsdb::Fsync::Every(ms)),
        Ok(_) => Err("neither `always` nor a duration above 0".to_owned()),
        Err(e) => Err(format!("neither `always` nor a duration: {e}")),
    }
}

/// `host:port`, `:port` for all interfaces, `localhost:port`.
fn address(text: &str) -> Result<SocketAddr, String> {
    use std::net::ToSocketAddrs;
    let whole = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    let mut found = whole
        .to_socket_addrs()
        .map_err(|e| format!("{e} (expected host:port)"))?;
    found.next().ok_or_else(|| "no such host".to_owned())
}
