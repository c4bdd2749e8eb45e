//! What all tests here share.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collector::config::{GlobalConfig, Located, ScrapeConfig, ScrapeJob, resolve};
use collector::scrape::{Options, ScrapeManager};
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef, is_stale_nan,
};
use model::{Labels, SeriesKey, SeriesRegistry, StoreError, SystemClock};
use std::sync::Mutex;

/// A sink that keeps every sample.
#[derive(Default)]
pub(crate) struct MemorySink {
    state: Mutex<SinkState>,
}

#[derive(Default)]
struct SinkState {
    series: SeriesRegistry,
    rows: Vec<(Labels, i64, f64)>,
    metadata: HashMap<String, Metadata>,
}

impl MetricSink for MemorySink {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        self.state.lock().unwrap().series.find(keys, refs);
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        self.state.lock().unwrap().series.create(new, refs);
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        let mut state = self.state.lock().unwrap();
        for sample in samples {
            let labels = state.series.labels(sample.series);
            let labels = labels.expect("a handle that was given out").clone();
            state.rows.push((labels, sample.timestamp_ms, sample.value));
        }
        Ok(AppendReport {
            stored: samples.len(),
            rejected: Vec::new(),
        })
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        Ok(AppendReport {
            stored: rows.len(),
            rejected: Vec::new(),
        })
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        self.state
            .lock()
            .unwrap()
            .metadata
            .insert(family.to_owned(), metadata.clone());
    }
}

impl MemorySink {
    /// The samples of the series that have all these labels, in the order of arrival.
    pub(crate) fn samples(&self, labels: &[(&str, &str)]) -> Vec<(i64, f64)> {
        let state = self.state.lock().unwrap();
        let fits = |of: &Labels| labels.iter().all(|(name, value)| of.get(name) == Some(value));
        state
            .rows
            .iter()
            .filter(|(of, _, _)| fits(of))
            .map(|(_, at, value)| (*at, *value))
            .collect()
    }

    pub(crate) fn has_value(&self, labels: &[(&str, &str)], wanted: f64) -> bool {
        self.samples(labels).iter().any(|(_, value)| *value == wanted)
    }

    /// Whether the newest sample is a staleness marker.
    pub(crate) fn is_stale(&self, labels: &[(&str, &str)]) -> bool {
        self.samples(labels)
            .last()
            .is_some_and(|(_, value)| is_stale_nan(*value))
    }

    pub(crate) fn any_stale(&self) -> bool {
        self.state
            .lock()
            .unwrap()
            .rows
            .iter()
            .any(|(_, _, value)| is_stale_nan(*value))
    }

    pub(crate) fn metadata(&self, family: &str) -> Option<Metadata> {
        self.state.lock().unwrap().metadata.get(family).cloned()
    }
}

pub(crate) fn manager() -> (Arc<MemorySink>, ScrapeManager) {
    let sink = Arc::new(MemorySink::default());
    let manager = ScrapeManager::new(sink.clone(), Arc::new(SystemClock), Options::default());
    (sink, manager)
}

/// The jobs of a list of scrape configurations.
pub(crate) fn jobs(text: &str) -> Vec<ScrapeJob> {
    let configs: Vec<Located<ScrapeConfig>> = yaml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    resolve(&GlobalConfig::default(), &configs).unwrap().jobs
}

/// Serves until the test ends; gives `host:port`.
pub(crate) async fn serve(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// Waits until something holds, and fails where it does not in time.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
