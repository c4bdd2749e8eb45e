//! The three stores in one folder, opened together and closed together.

use std::path::Path;
use std::sync::Arc;

use durable::{DirLock, Fs, RealFs};
use log_indexer::Logs;
use model::{Clock, StoreError, SystemClock};
use traces::Traces;
use tsdb::Tsdb;
use tsdb::exemplar::{ExemplarOptions, Exemplars};

use crate::config::{ConfigFile, RetentionBounds};
use crate::flags::ServerFlags;
use crate::memory;

/// What keeps the data. The folder is locked as long as this lives.
pub(crate) struct Stores {
    /// Series.
    pub metrics: Arc<Tsdb>,
    /// Exemplars of series.
    pub exemplars: Arc<Exemplars>,
    /// Spans.
    pub spans: Arc<Traces>,
    /// Lines.
    pub logs: Arc<Logs>,
    /// What was not as it should be on disk, a sentence each.
    pub damage: Vec<String>,
    _lock: DirLock,
}

/// What identifies the series that are alive takes at most so small a part of the machine's or control group's memory.
/// Their samples take about four times as much before they are flushed.
const SERIES_SHARE: u64 = 10;

/// How the stores are to behave.
pub(crate) struct StoreOptions {
    tsdb: tsdb::Options,
    exemplars: ExemplarOptions,
    traces: traces::Options,
    logs: log_indexer::Options,
    /// How long metrics are kept, as text.
    pub retention_text: String,
}

impl StoreOptions {
    /// Flags and configuration over defaults; the configuration has precedence, as in Prometheus.
    ///
    /// # Errors
    /// A flag's value is not a duration or a size.
    pub(crate) fn resolve(flags: &ServerFlags, file: &ConfigFile) -> Result<StoreOptions, String> {
        let mut tsdb = tsdb::Options::default();
        if let Some(text) = &flags.retention_time {
            let ms = model::promtime::parse_duration_ms(text);
            tsdb.retention_ms = Some(ms.map_err(|e| format!("--storage.tsdb.retention.time: {e}"))?);
        }
        if let Some(text) = &flags.retention_size {
            let size = text.parse::<collector::config::ByteSize>();
            tsdb.retention_bytes = Some(size.map_err(|e| format!("--storage.tsdb.retention.size: {e}"))?.0);
        }
        tsdb.downsample = downsampling(flags)?;
        tsdb.fsync = flags.fsync;
        let limit = memory::limit();
        tsdb.memory_bytes = memory::budget(flags.memory, limit);
        tsdb.max_series_bytes = limit.map_or(0, |limit| limit / SERIES_SHARE);
        tsdb.max_series = flags.max_series.unwrap_or(tsdb.max_series);
        tsdb.max_series_per_metric = flags.max_series_per_metric.unwrap_or(tsdb.max_series_per_metric);
        let section = &file.storage.tsdb;
        if let Some(time) = section.retention.time {
            tsdb.retention_ms = Some(time.as_millis());
        }
        if let Some(size) = section.retention.size {
            tsdb.retention_bytes = Some(size.0);
        }
        // 0 is no bound, as in Prometheus; without any bound the default one on time holds.
        tsdb.retention_ms = tsdb.retention_ms.filter(|ms| *ms > 0);
        tsdb.retention_bytes = tsdb.retention_bytes.filter(|bytes| *bytes > 0);
        if tsdb.retention_ms.is_none() && tsdb.retention_bytes.is_none() {
            tsdb.retention_ms = tsdb::Options::default().retention_ms;
        }
        if let Some(window) = section.out_of_order_time_window {
            tsdb.out_of_order_window_ms = window.as_millis();
        }
        let mut traces = traces::Options::default();
        apply(
            file.traces.retention,
            &mut traces.retention_ms,
            &mut traces.retention_bytes,
        );
        let mut logs = log_indexer::Options::default();
        apply(
            file.logs.retention,
            &mut logs.retention_ms,
            &mut logs.retention_bytes,
        );
        let time = tsdb.retention_ms.map(model::promtime::format_duration_ms);
        let size = tsdb.retention_bytes.map(|bytes| format!("{bytes}B"));
        let retention_text = [time, size]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" or ");
        let exemplars = ExemplarOptions {
            max_age_ms: tsdb.retention_ms.unwrap_or(i64::MAX),
            ..ExemplarOptions::default()
        };
        Ok(StoreOptions {
            tsdb,
            exemplars,
            traces,
            logs,
            retention_text,
        })
    }
}

/// What metrics are downsampled to: off unless asked for.
fn downsampling(flags: &ServerFlags) -> Result<Vec<tsdb::Downsampling>, String> {
    type Make = fn(Option<i64>) -> tsdb::Downsampling;
    let resolutions: [(&str, &Option<String>, Make); 2] = [
        ("5m", &flags.retention_5m, tsdb::Downsampling::five_minutes),
        ("1h", &flags.retention_1h, tsdb::Downsampling::one_hour),
    ];
    let mut downsampling = Vec::new();
    for (name, text, make) in resolutions {
        if let Some(text) = text {
            let ms = model::promtime::parse_duration_ms(text);
            let ms = ms.map_err(|e| format!("--storage.tsdb.retention.{name}: {e}"))?;
            downsampling.push(make(Some(ms).filter(|ms| *ms > 0)));
        }
    }
    Ok(downsampling)
}

/// A bound of 0 is none; a millennium and an exbibyte are as good as none.
fn apply(bounds: RetentionBounds, time_ms: &mut i64, bytes: &mut u64) {
    const MILLENNIUM_MS: i64 = 1000 * 365 * 24 * 3_600_000;
    if let Some(time) = bounds.time {
        *time_ms = if time.as_millis() == 0 {
            MILLENNIUM_MS
        } else {
            time.as_millis()
        };
    }
    if let Some(size) = bounds.size {
        *bytes = if size.0 == 0 { 1 << 60 } else { size.0 };
    }
}

impl Stores {
    /// Locks `dir` and opens the stores in it. Spans and lines are replayed; the metrics are
    /// by [`Tsdb::recover`].
    ///
    /// # Errors
    /// Another process uses the folder, or the disk refuses. Damaged data is no error.
    pub(crate) fn open(dir: &Path, options: StoreOptions) -> Result<Stores, String> {
        let lock = DirLock::acquire(dir).map_err(|e| e.to_string())?;
        let fs: Arc<dyn Fs> = Arc::new(RealFs);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let failed = |e: StoreError| e.to_string();
        let (fs, clock) = (|| Arc::clone(&fs), || Arc::clone(&clock));
        let (metrics, metrics_report) =
            Tsdb::open(fs(), &dir.join("metrics"), options.tsdb, clock()).map_err(failed)?;
        let (spans, spans_report) =
            Traces::open(fs(), &dir.join("traces"), options.traces, clock()).map_err(failed)?;
        let (logs, logs_report) =
            Logs::open(fs(), &dir.join("logs"), options.logs, clock()).map_err(failed)?;
        let exemplars = Exemplars::open(fs(), &dir.join("exemplars"), options.exemplars).map_err(failed)?;
        let damage = [metrics_report.damage, spans_report.damage, logs_report.damage].concat();
        Ok(Stores {
            metrics: Arc::new(metrics),
            exemplars: Arc::new(exemplars),
            spans: Arc::new(spans),
            logs: Arc::new(logs),
            damage,
            _lock: lock,
        })
    }

    /// Why a store takes no writes, if one does not.
    pub(crate) fn poisoned(&self) -> Option<String> {
        let told = |store: &str, why: Option<Arc<str>>| why.map(|why| format!("{store} store: {why}"));
        told("metrics", self.metrics.poisoned())
            .or_else(|| told("traces", self.spans.poisoned()))
            .or_else(|| told("logs", self.logs.poisoned()))
    }

    /// Syncs everything and takes no more writes.
    ///
    /// # Errors
    /// What failed, store by store.
    pub(crate) fn close(&self) -> Result<(), String> {
        let results = [
            self.metrics.close(),
            self.exemplars.sync(),
            self.spans.close(),
            self.logs.close(),
        ];
        let failed: Vec<String> = results
            .into_iter()
            .filter_map(|r| r.err().map(|e| e.to_string()))
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::flags::Cli;

    fn resolved(flags: &[&str], yaml: &str) -> StoreOptions {
        let cli = Cli::parse_from([&["masthead"], flags].concat());
        let file = yaml::from_str(yaml).expect("valid");
        StoreOptions::resolve(&cli.server, &file).expect("valid")
    }

    #[test]
    fn a_bound_of_zero_is_none_and_no_bound_at_all_is_the_default() {
        let default = tsdb::Options::default().retention_ms;
        let size = resolved(&["--storage.tsdb.retention.size=0"], "storage: {tsdb: {}}").tsdb;
        assert_eq!((size.retention_ms, size.retention_bytes), (default, None));
        let time = resolved(
            &[
                "--storage.tsdb.retention.size=1GB",
                "--storage.tsdb.retention.time=0",
            ],
            "global: {}",
        )
        .tsdb;
        assert_eq!((time.retention_ms, time.retention_bytes), (None, Some(1 << 30)));
        let yaml = "traces: {retention: {time: 0, size: 0}}\nlogs: {retention: {time: 0}}";
        let both = resolved(&[], yaml);
        assert!(both.traces.retention_ms > 1 << 44 && both.traces.retention_bytes > 1 << 50);
        assert!(both.logs.retention_ms > 1 << 44);
    }

    #[test]
    fn each_resolution_is_switched_on_by_its_retention() {
        assert_eq!(resolved(&[], "global: {}").tsdb.downsample, []);
        let flags = ["--storage.tsdb.retention.1h=0", "--storage.tsdb.retention.5m=90d"];
        let five_minutes = tsdb::Downsampling::five_minutes(Some(90 * 86_400_000));
        let one_hour = tsdb::Downsampling::one_hour(None);
        assert_eq!(
            resolved(&flags, "global: {}").tsdb.downsample,
            [five_minutes, one_hour]
        );
    }

    #[test]
    fn the_file_has_precedence_over_flags() {
        let yaml = "storage: {tsdb: {retention: {time: 2d}, out_of_order_time_window: 10m}}";
        let options = resolved(&["--storage.tsdb.retention.time=1d"], yaml).tsdb;
        assert_eq!(options.retention_ms, Some(2 * 86_400_000));
        assert_eq!(options.out_of_order_window_ms, 600_000);
    }

    #[test]
    fn what_the_metrics_store_takes_is_said_by_flags() {
        let options = resolved(&[], "global: {}").tsdb;
        assert_eq!(options.fsync, tsdb::Fsync::Every(1000));
        let flags = [
            "--storage.tsdb.fsync=always",
            "--storage.memory=256MB",
            "--storage.tsdb.max-series=1000",
            "--storage.tsdb.max-series-per-metric=10",
        ];
        let options = resolved(&flags, "global: {}").tsdb;
        assert_eq!(
            (options.fsync, options.memory_bytes),
            (tsdb::Fsync::Always, 256 << 20)
        );
        assert_eq!((options.max_series, options.max_series_per_metric), (1000, 10));
        for wrong in ["0s", "never"] {
            assert!(Cli::try_parse_from(["masthead", &format!("--storage.tsdb.fsync={wrong}")]).is_err());
        }
    }
}
