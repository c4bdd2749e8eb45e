//! The rules' tests: files, templates, the state machine, groups, the manager.

mod alerting;
mod files;
mod groups;
mod manager;
mod templates;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef, is_stale_nan,
};
use model::{Labels, SeriesKey, SeriesRegistry, StoreError};
use parking_lot::Mutex;

use super::*;
use crate::{Alert, AlertSink};

const MINUTE: i64 = 60_000;

/// `up{job="a", x="y"}` or `{job="a"}` to labels; values hold no commas or quotes.
fn labels(text: &str) -> Labels {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let mut pairs = vec![("__name__".to_owned(), name.trim().to_owned())];
    for pair in rest
        .trim_end_matches('}')
        .split(',')
        .filter(|p| !p.trim().is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap();
        pairs.push((name.trim().to_owned(), value.trim().trim_matches('"').to_owned()));
    }
    Labels::from_pairs(pairs)
}

/// Answers by a table: expression to vector. An expression that is not there fails.
#[derive(Default)]
struct FakeQuerier {
    answers: Mutex<BTreeMap<String, Vector>>,
    past: Mutex<Vec<ForState>>,
    asked_at: Mutex<Vec<i64>>,
}

impl FakeQuerier {
    fn set(&self, expr: &str, vector: &[(&str, f64)]) {
        let vector = vector.iter().map(|(l, v)| (labels(l), *v)).collect();
        self.answers.lock().insert(expr.to_owned(), vector);
    }
}

impl Querier for FakeQuerier {
    fn answer(&self, expr: &str, at_ms: i64) -> Result<Answer, String> {
        self.asked_at.lock().push(at_ms);
        let floats = self.answers.lock().get(expr).cloned();
        Ok(Answer {
            floats: floats.ok_or_else(|| format!("no answer for {expr}"))?,
            histograms: Vec::new(),
        })
    }

    fn for_state(&self, name: &str, from_ms: i64, to_ms: i64) -> Result<Vec<ForState>, String> {
        let of_name = |s: &&ForState| s.labels.get("alertname") == Some(name);
        let in_range = |s: &&ForState| (from_ms..=to_ms).contains(&s.at_ms);
        Ok(self
            .past
            .lock()
            .iter()
            .filter(of_name)
            .filter(in_range)
            .cloned()
            .collect())
    }
}

/// Remembers every sample as `series @ms value`, `stale` for a staleness marker.
#[derive(Default)]
struct FakeSink {
    lines: Mutex<Vec<String>>,
    series: Mutex<SeriesRegistry>,
    refuse: Mutex<Option<Rejected>>,
}

impl FakeSink {
    fn take(&self) -> Vec<String> {
        let mut lines = std::mem::take(&mut *self.lines.lock());
        lines.sort();
        lines
    }
}

impl MetricSink for FakeSink {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        self.series.lock().find(keys, refs);
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        self.series.lock().create(new, refs);
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        if let Some(why) = *self.refuse.lock() {
            return Ok(AppendReport {
                stored: 0,
                rejected: (0..samples.len()).map(|i| (i, why)).collect(),
            });
        }
        let series = self.series.lock();
        for sample in samples {
            let value = match sample.value {
                v if is_stale_nan(v) => "stale".to_owned(),
                v => v.to_string(),
            };
            let labels = series.labels(sample.series).expect("a handle that was given out");
            self.lines
                .lock()
                .push(format!("{labels} @{} {value}", sample.timestamp_ms));
        }
        Ok(AppendReport {
            stored: samples.len(),
            rejected: Vec::new(),
        })
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        assert!(rows.is_empty(), "rules record no native histograms");
        Ok(AppendReport::default())
    }

    fn set_metadata(&self, _: &str, _: &Metadata) {}
}

#[derive(Default)]
struct FakeAlerts(Mutex<Vec<Alert>>);

impl FakeAlerts {
    fn take(&self) -> Vec<Alert> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl AlertSink for FakeAlerts {
    fn alerts(&self, alerts: Vec<Alert>) {
        self.0.lock().extend(alerts);
    }
}

/// The fakes and the outputs over them.
#[derive(Default, Clone)]
struct World {
    querier: Arc<FakeQuerier>,
    sink: Arc<FakeSink>,
    alerts: Arc<FakeAlerts>,
}

impl World {
    fn outputs(&self) -> Outputs {
        Outputs {
            querier: self.querier.clone(),
            sink: self.sink.clone(),
            alerts: self.alerts.clone(),
        }
    }
}

/// The groups of a file's text.
fn file(text: &str) -> RuleFile {
    parse("rules.yml", text, Syntax::default()).unwrap_or_else(|e| panic!("{e:?}"))
}
