//! A running server: its parts, how they are started, changed and stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alertmanager::rules::{Manager, Outputs, PromqlQuerier, Settings};
use api::Pool;
use api::queries::{Journal, QueryLog};
use api::status::{ConfigStatus, ServerInfo};
use collector::scrape::ScrapeManager;
use collector::tail::FileTailer;
use collector::tail::config::LogFiles;
use model::metrics::{MetricSink, MetricStore};
use model::promtime::parse_duration;
use model::{Clock, Labels, SystemClock};
use parking_lot::RwLock;
use promql::{Engine, EngineOptions};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::alerts::AlertRelay;
use super::routes;
use crate::config::{Loaded, Source, redacted};
use crate::flags::{Features, ServerFlags};
use crate::listen::{Listeners, serve};
use crate::memory;
use crate::stores::{StoreOptions, Stores};
use crate::telemetry::Telemetry;
use crate::upkeep;

/// How long requests under way may go on after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long to wait before a replay that failed is tried again.
const RECOVER_AGAIN: Duration = Duration::from_secs(5);
/// Pushes that wait for a thread, and queries; more are told to come back.
const INGEST_QUEUE: usize = 1024;
const QUERY_QUEUE: usize = 256;
/// What the server says of itself needs little, and must not wait for queries.
const STATUS_THREADS: usize = 2;
const STATUS_QUEUE: usize = 64;

/// The parts that live as long as the server does.
pub(crate) struct Shared {
    pub flags: ServerFlags,
    source: Source,
    pub stores: Arc<Stores>,
    pub engine: Arc<Engine>,
    pub scrape: Arc<ScrapeManager>,
    pub rules: Arc<Manager>,
    pub alerts: Arc<AlertRelay>,
    pub info: Arc<ServerInfo>,
    pub ingest: Pool,
    pub query: Pool,
    pub journal: Arc<Journal>,
    pub features: Features,
    pub status: Pool,
    pub external_labels: Arc<RwLock<Labels>>,
    pub clock: Arc<dyn Clock>,
    pub max_body_bytes: usize,
    external_url: String,
    tailing: Mutex<Tailing>,
    /// One reload at a time.
    reloading: Mutex<()>,
}

/// The files that are followed.
#[derive(Default)]
struct Tailing {
    files: Vec<LogFiles>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A running server.
pub(crate) struct Running {
    shared: Arc<Shared>,
    stop: CancellationToken,
    serving: TaskTracker,
}

impl Running {
    /// Opens the stores, then everything that writes to them, then the doors.
    ///
    /// # Errors
    /// The configuration is not valid, or a store cannot be opened.
    pub(crate) async fn start(
        flags: ServerFlags,
        listeners: Listeners,
        telemetry: &Telemetry,
    ) -> Result<Running, String> {
        let source = match &flags.config_file {
            Some(path) => Source::File(path.clone()),
            None => Source::Embedded {
                port: listeners.port(),
            },
        };
        let (features, notes) = Features::of(&flags.features);
        for note in notes {
            tracing::warn!("{note}");
        }
        let loaded = Loaded::load(&source, features.parser()).map_err(|e| e.to_string())?;
        let options = StoreOptions::resolve(&flags, &loaded.file)?;
        let info = Arc::new(ServerInfo {
            started_ms: SystemClock.now_ms(),
            flags: flags.listing(),
            storage_retention: options.retention_text.clone(),
            corruptions: AtomicU64::new(0),
            config: RwLock::default(),
        });
        let dir = flags.storage_path.clone();
        let opened = tokio::task::spawn_blocking(move || Stores::open(&dir, options)).await;
        let stores = Arc::new(opened.map_err(|e| e.to_string())??);
        info.corruptions
            .store(stores.damage.len() as u64, Ordering::Relaxed);
        for damage in &stores.damage {
            tracing::warn!("{damage}");
        }
        let stop = CancellationToken::new();
        // Before anything asks the store: queries wait for it.
        tokio::spawn(recover(Arc::clone(&stores), Arc::clone(&info), stop.clone()));
        telemetry.connect(Arc::clone(&stores.spans) as _, Arc::clone(&stores.logs) as _);
        let journal = journal(&flags)?;

        let shared = Arc::new(Shared::new(
            flags,
            source,
            &loaded,
            stores,
            info,
            (journal, features),
            listeners.port(),
        )?);
        shared.apply(loaded).await?;
        let serving = TaskTracker::new();
        upkeep::start(&shared.stores, &serving, &stop);
        let doors = routes::all(&shared);
        serve(listeners.main, doors.main, &serving, &stop);
        let others = [
            (listeners.otlp_grpc, doors.otlp_grpc),
            (listeners.otlp_http, doors.otlp_http),
            (listeners.jaeger_thrift, doors.jaeger_thrift),
        ];
        for (listener, router) in others {
            if let Some(listener) = listener {
                serve(listener, router, &serving, &stop);
            }
        }
        Ok(Running {
            shared,
            stop,
            serving,
        })
    }

    /// Reads the configuration anew; what is wrong with it is logged and the old one stays.
    pub(crate) async fn reload(&self) {
        // Logged within.
        let _ = self.shared.reload().await;
    }

    /// Stops what brings data in, then what works on it, then closes the stores.
    ///
    /// # Errors
    /// A store could not be closed properly; it is recovered at the next start.
    pub(crate) async fn stop(self, telemetry: &Telemetry) -> Result<(), String> {
        let Running {
            shared,
            stop,
            serving,
        } = self;
        // A reload under way is waited for, and none follows.
        let _no_reload = tokio::time::timeout(STOP_GRACE, shared.reloading.lock()).await;
        // Before the doors: scrapes of our own pages would run against closed ones and store that we are down.
        shared.scrape.shutdown().await;
        stop.cancel();
        serving.close();
        if tokio::time::timeout(STOP_GRACE, serving.wait()).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
        shared.rules.shutdown().await;
        shared.alerts.stop().await;
        shared.stop_tailing().await;
        let closing = Arc::clone(&shared.stores);
        tokio::task::block_in_place(|| telemetry.shutdown());
        tokio::task::block_in_place(|| closing.close())
    }
}

/// Replays the log of the metrics beside everything else: samples are taken meanwhile, queries wait. A disk that
/// refuses is asked again.
async fn recover(stores: Arc<Stores>, info: Arc<ServerInfo>, stop: CancellationToken) {
    loop {
        let metrics = Arc::clone(&stores.metrics);
        match tokio::task::spawn_blocking(move || metrics.recover()).await {
            Ok(Ok(report)) => {
                if report.records > 0 {
                    let (samples, series, bytes) = (report.samples, report.series, report.bytes);
                    tracing::info!(samples, series, bytes, "replayed the log of metrics");
                }
                for damage in report.damage {
                    info.corruptions.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("{damage}");
                }
                return;
            }
            Ok(Err(error)) => tracing::error!(%error, "the log of metrics cannot be replayed; trying again"),
            Err(panic) => {
                tracing::error!(error = %panic, "the log of metrics cannot be replayed; trying again")
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RECOVER_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}

impl Shared {
    fn new(
        flags: ServerFlags,
        source: Source,
        loaded: &Loaded,
        stores: Arc<Stores>,
        info: Arc<ServerInfo>,
        (journal, features): (Journal, Features),
        port: u16,
    ) -> Result<Shared, String> {
        let global = &loaded.file.global;
        let duration = |flag: &str, text: &str| parse_duration(text).map_err(|e| format!("--{flag}: {e}"));
        let lookback = duration("query.lookback-delta", &flags.lookback_delta)?;
        let engine = Engine::new(EngineOptions {
            lookback_delta_ms: i64::try_from(lookback.as_millis()).unwrap_or(i64::MAX),
            max_samples: flags.max_samples as u64,
            timeout: duration("query.timeout", &flags.query_timeout)?,
            max_memory_bytes: memory::query_budget(flags.query_memory, memory::limit()),
            start_timestamps: features.use_start_timestamps,
            delayed_name_removal: features.delayed_name_removal,
            subquery_step_ms: global.evaluation_interval.as_millis(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            ..EngineOptions::default()
        });
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let alerts = Arc::<AlertRelay>::default();
        let outputs = Outputs {
            querier: Arc::new(PromqlQuerier::new(
                engine.clone(),
                features.parser(),
                Arc::clone(&stores.metrics) as Arc<dyn MetricStore>,
            )),
            sink: Arc::clone(&stores.metrics) as Arc<dyn MetricSink>,
            alerts: Arc::clone(&alerts) as _,
        };
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let default_url = format!("http://{}:{port}", hostname());
        let external_url = flags.external_url.clone().unwrap_or(default_url);
        let max_body = loaded.file.otlp.max_body_size;
        let scrape = collector::scrape::Options {
            external_url: external_url.parse().ok(),
            listen_port: port,
            offset_seed: 0,
        };
        Ok(Shared {
            source,
            engine: Arc::new(engine),
            scrape: Arc::new(
                ScrapeManager::new(Arc::clone(&stores.metrics) as _, Arc::clone(&clock), scrape)
                    .with_exemplars(Arc::clone(&stores.exemplars) as _),
            ),
            rules: Arc::new(Manager::new(outputs, Arc::clone(&clock))),
            alerts,
            info,
            ingest: Pool::new("ingest", threads, INGEST_QUEUE),
            journal: Arc::new(journal),
            features,
            query: Pool::new("query", usize::from(flags.max_concurrency), QUERY_QUEUE),
            status: Pool::new("status", STATUS_THREADS, STATUS_QUEUE),
            external_labels: Arc::default(),
            max_body_bytes: max_body
                .and_then(|size| usize::try_from(size.0).ok())
                .unwrap_or(collector::push::body::DEFAULT_MAX_BODY),
            external_url: external_url.trim_end_matches('/').to_owned(),
            tailing: Mutex::default(),
            reloading: Mutex::default(),
            flags,
            stores,
            clock,
        })
    }

    /// Reads and applies the configuration.
    ///
    /// # Errors
    /// It is not valid; the old one stays in force.
    pub(crate) async fn reload(&self) -> Result<(), String> {
        let _one_at_a_time = self.reloading.lock().await;
        let source = self.source.clone();
        let language = self.features.parser();
        let loaded = tokio::task::spawn_blocking(move || Loaded::load(&source, language)).await;
        let result = match loaded {
            Ok(Ok(loaded)) => self.apply(loaded).await,
            Ok(Err(wrong)) => Err(wrong.to_string()),
            Err(panic) => Err(panic.to_string()),
        };
        if let Err(why) = &result {
            self.info.config.write().reload_success = false;
            tracing::error!(error = %why, "the configuration was not reloaded; the old one stays in force");
        }
        result
    }

    /// Puts a configuration in force. What did not change is not disturbed.
    async fn apply(&self, loaded: Loaded) -> Result<(), String> {
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let global = &loaded.file.global;
        let settings = Settings {
            evaluation_interval_ms: global.evaluation_interval.as_millis(),
            query_offset_ms: global.rule_query_offset.as_millis(),
            external_labels: global.external_labels.0.clone(),
            external_url: self.external_url.clone(),
            ..Settings::default()
        };
        // What can fail comes first, and whatever fails has changed nothing.
        loaded
            .check_files(&self.source.name())
            .map_err(|e| e.to_string())?;
        let query_log = global
            .query_log_file
            .as_ref()
            .map(|path| loaded.folder.join(path));
        let query_log = query_log.map(|path| QueryLog::open(&path)).transpose();
        let query_log = query_log.map_err(|e| format!("global.query_log_file: {e}"))?;
        self.scrape
            .apply(loaded.jobs, &loaded.folder)
            .map_err(|e| e.to_string())?;
        let dir = self.flags.storage_path.join("alertmanager");
        self.alerts
            .apply(loaded.notifications, &self.external_url, &dir)
            .await?;
        self.stores.metrics.set_retention_rules(loaded.retention_rules);
        self.journal.log_to(query_log);
        *self.external_labels.write() = settings.external_labels.clone();
        self.rules.apply(loaded.rules, &settings).await;
        self.tail(loaded.file.logs.files).await;
        let now_ms = self.clock.now_ms();
        *self.info.config.write() = ConfigStatus {
            yaml: redacted(&loaded.text),
            reload_success: true,
            loaded_ms: now_ms,
        };
        tracing::info!(source = self.source.name(), "configuration in force");
        Ok(())
    }

    /// Follows `files` from now on.
    async fn tail(&self, files: Vec<LogFiles>) {
        let mut tailing = self.tailing.lock().await;
        if tailing.files == files {
            return;
        }
        tailing.end().await;
        *tailing = Tailing::default();
        let positions: PathBuf = self.flags.storage_path.join("positions.json");
        let config = collector::tail::config::LogsConfig { files: files.clone() };
        let sink = Arc::clone(&self.stores.logs) as _;
        let tailer = match FileTailer::new(&config, positions, sink, Arc::clone(&self.clock)) {
            Ok(tailer) => tailer,
            Err(error) => {
                // Everything else works without; the next reload tries again.
                tracing::error!(%error, "log files are not followed");
                return;
            }
        };
        tailing.files = files;
        let stop = tailing.stop.clone();
        tailing.tasks.spawn(tailer.run(stop));
    }

    async fn stop_tailing(&self) {
        self.tailing.lock().await.end().await;
    }
}

impl Tailing {
    async fn end(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() {
        "localhost".to_owned()
    } else {
        name.trim().to_owned()
    }
}

/// The journal of queries. What ran when the process died last is told of first.
fn journal(flags: &ServerFlags) -> Result<Journal, String> {
    let path = flags.storage_path.join("queries.active");
    for (query, began_s) in api::queries::unfinished(&path) {
        tracing::warn!(query, began_s, "this query did not finish in the last run");
    }
    let slow = parse_duration(&flags.slow_query).map_err(|e| format!("--query.slow-log-threshold: {e}"))?;
    let slow = Some(slow).filter(|slow| !slow.is_zero());
    Journal::new(Arc::new(SystemClock), slow)
        .with_file(&path, usize::from(flags.max_concurrency))
        .map_err(|e| format!("{}: {e}", path.display()))
}
