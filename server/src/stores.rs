//! The three stores in one folder, opened together and closed together.

use std::path::Path;
use std::sync::Arc;

use durable::{DirLock, Fs, RealFs};
use log_indexer::Logs;
use model::{Clock, StoreError, SystemClock};
use traces::Traces;
use tsdb::Tsdb;

use crate::config::{ConfigFile, RetentionBounds};
use crate::flags::ServerFlags;

/// What keeps the data. The folder is locked as long as this lives.
pub(crate) struct Stores {
    /// Series.
    pub metrics: Arc<Tsdb>,
    /// Spans.
    pub spans: Arc<Traces>,
    /// Lines.
    pub logs: Arc<Logs>,
    /// What was not as it should be on disk, a sentence each.
    pub damage: Vec<String>,
    _lock: DirLock,
}

/// How the stores are to behave.
pub(crate) struct StoreOptions {
    tsdb: tsdb::Options,
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
        let section = &file.storage.tsdb;
        if let Some(time) = section.retention.time {
            tsdb.retention_ms = Some(time.as_millis());
        }
        if let Some(size) = section.retention.size {
            tsdb.retention_bytes = Some(size.0);
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
        Ok(StoreOptions {
            tsdb,
            traces,
            logs,
            retention_text,
        })
    }
}

fn apply(bounds: RetentionBounds, time_ms: &mut i64, bytes: &mut u64) {
    if let Some(time) = bounds.time {
        *time_ms = time.as_millis();
    }
    if let Some(size) = bounds.size {
        *bytes = size.0;
    }
}

impl Stores {
    /// Locks `dir` and opens the stores in it, replaying their logs.
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
        let damage = [metrics_report.damage, spans_report.damage, logs_report.damage].concat();
        Ok(Stores {
            metrics: Arc::new(metrics),
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
        let results = [self.metrics.close(), self.spans.close(), self.logs.close()];
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
