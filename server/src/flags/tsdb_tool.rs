//! The command line of `masthead tsdb …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What can be done with the series store while no server runs on it, or beside one.
#[derive(Debug, Subcommand)]
pub(crate) enum Tsdb {
    /// The blocks: ranges, levels, series, samples, bytes.
    List {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// Sizes and times for people.
        #[arg(short = 'r', long)]
        human_readable: bool,
    },
    /// What takes the space: metrics, labels, churn, compression.
    Analyze {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// How long each list is.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Check every checksum; exits with 1 where one is wrong.
    Verify {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
    },
    /// Print samples.
    Dump {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// Which.
        #[command(flatten)]
        select: Select,
        /// How.
        #[arg(long, value_enum, default_value_t = DumpFormat::Samples)]
        format: DumpFormat,
    },
    /// Bring samples of any age in.
    Import {
        /// From where.
        #[command(subcommand)]
        from: Import,
    },
    /// Copy a snapshot, or all of what a stopped server holds; again into the same folder, only what is new.
    Backup {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// A snapshot that the server took, by name.
        #[arg(long, value_name = "NAME")]
        snapshot: Option<String>,
        /// The folder of the backup, made if absent.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Fill a data folder without metrics from a backup or a snapshot's folder.
    Restore {
        /// The backup.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
    },
}

/// Where an import comes from.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// The data folder of a Prometheus: its blocks and what is only in its log. Stop it first, or take a snapshot.
    Prometheus {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// Which samples.
        #[command(flatten)]
        select: Select,
        /// How blocks are made.
        #[command(flatten)]
        blocks: Blocks,
        /// Go on with the next block where one is damaged.
        #[arg(long)]
        skip_damaged: bool,
        /// Prometheus' folder.
        from: PathBuf,
    },
    /// Text in an exposition format, with a timestamp on each sample.
    Openmetrics {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// Which samples.
        #[command(flatten)]
        select: Select,
        /// How blocks are made.
        #[command(flatten)]
        blocks: Blocks,
        /// The format.
        #[arg(long, value_enum, default_value_t = super::MetricsFormat::Openmetrics)]
        format: super::MetricsFormat,
        /// The file; - is standard input.
        from: PathBuf,
    },
    /// A running Prometheus, or whatever answers to its remote read.
    RemoteRead {
        /// The data folder.
        #[command(flatten)]
        storage: Storage,
        /// Which samples; a beginning is required.
        #[command(flatten)]
        select: Select,
        /// How blocks are made.
        #[command(flatten)]
        blocks: Blocks,
        /// So much time is asked for at once.
        #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = super::duration)]
        step: String,
        /// Sent with each request, as "Name: value"; repeatable.
        #[arg(long = "header", value_name = "HEADER")]
        headers: Vec<String>,
        /// Its address, e.g. http://prometheus:9090/api/v1/read.
        from: String,
    },
}

/// Which data folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Storage {
    /// Where data is kept: the server's flag.
    #[arg(
        long = "storage.path",
        visible_alias = "storage.tsdb.path",
        value_name = "DIR",
        default_value = "data"
    )]
    pub(crate) path: PathBuf,
}

/// Which samples.
#[derive(Debug, Clone, Args)]
pub(crate) struct Select {
    /// A series selector; repeatable, and a series need satisfy only one of them.
    #[arg(long = "match", value_name = "SELECTOR")]
    pub(crate) matches: Vec<String>,
    /// The earliest time, inclusive: seconds since the epoch or RFC 3339.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = time)]
    pub(crate) min_time: Option<i64>,
    /// The latest time, inclusive.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = time)]
    pub(crate) max_time: Option<i64>,
}

/// How an import makes blocks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Blocks {
    /// The time one block covers.
    #[arg(long = "block-duration", value_name = "DURATION", default_value = "18h", value_parser = super::duration)]
    pub(crate) duration: String,
    /// Samples held in memory, in mebibytes.
    #[arg(long = "memory", value_name = "MIB", default_value_t = 128)]
    pub(crate) memory_mib: usize,
}

/// How samples are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DumpFormat {
    /// Labels, value and milliseconds, a line each, as promtool does.
    Samples,
    /// OpenMetrics, to be imported again. It has no native histograms.
    Openmetrics,
}

fn time(text: &str) -> Result<i64, String> {
    api::prometheus::params::parse_time_ms(text)
}
