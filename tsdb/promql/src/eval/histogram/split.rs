//! The histograms in a vector: native ones, and classic ones put together from their buckets.

use model::Labels;
use rustc_hash::FxHashMap;

use super::buckets::Bucket;
use crate::ast::Span;
use crate::eval::{Column, Evaluator, Frame, is_absent};
use crate::numeric::parse_float;

/// The label of a bucket's upper bound.
const BUCKET_LABEL: &str = "le";

/// A series of native histograms.
pub(super) struct Native {
    pub(super) labels: Labels,
    pub(super) column: Column,
}

/// The buckets of one classic histogram: upper bounds with their columns of cumulative counts, bounds ascending.
pub(super) struct Classic {
    pub(super) labels: Labels,
    columns: Vec<(f64, Vec<f64>)>,
    /// At these steps there is a native histogram of the same labels.
    conflicts: Vec<bool>,
}

impl Classic {
    /// The buckets that are there at a step.
    pub(super) fn at(&self, step: usize, into: &mut Vec<Bucket>) {
        into.clear();
        if self.conflicts.get(step) == Some(&true) {
            return;
        }
        for (upper_bound, counts) in &self.columns {
            if let Some(count) = counts.get(step).filter(|count| !is_absent(**count)) {
                into.push(Bucket {
                    upper_bound: *upper_bound,
                    count: *count,
                });
            }
        }
    }

    fn has_any(&self, step: usize) -> bool {
        let mut cells = self.columns.iter().filter_map(|(_, counts)| counts.get(step));
        cells.any(|count| !is_absent(*count))
    }
}

/// All histograms of a vector. Names stay and are marked for removal later, so that two metrics' buckets do not mix.
#[derive(Default)]
pub(super) struct Histograms {
    pub(super) natives: Vec<Native>,
    pub(super) classics: Vec<Classic>,
}

impl Histograms {
    /// Sorts the series of a vector that stands at `span`. At steps at which a native and a classic histogram have the
    /// same labels, there is neither.
    pub(super) fn of(frame: Frame, evaluator: &Evaluator<'_>, span: Span) -> Histograms {
        let mut histograms = Histograms::default();
        let mut index: FxHashMap<Labels, usize> = FxHashMap::default();
        for series in frame {
            let Column {
                floats,
                histograms: cells,
            } = series.column;
            if !cells.is_empty() {
                histograms.natives.push(Native {
                    labels: series.labels.clone(),
                    column: Column {
                        floats: vec![crate::eval::ABSENT; cells.len()],
                        histograms: cells,
                    },
                });
            }
            if floats.iter().all(|v| is_absent(*v)) {
                continue;
            }
            let le = series.labels.get(BUCKET_LABEL).unwrap_or("");
            let Some(bound) = parse_float(le) else {
                let text = format!("bucket label \"le\" is missing or has a malformed value of {le:?}");
                evaluator
                    .annotations
                    .warn(span, named(text, evaluator.told_name(&series.labels)));
                continue;
            };
            histograms.add_bucket(&mut index, &series.labels, bound, floats);
        }
        for classic in &mut histograms.classics {
            classic.columns.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        histograms.part(&index, evaluator, span);
        histograms
    }

    fn add_bucket(
        &mut self,
        index: &mut FxHashMap<Labels, usize>,
        labels: &Labels,
        bound: f64,
        counts: Vec<f64>,
    ) {
        let labels = labels.filtered(|name| name != BUCKET_LABEL);
        let at = *index.entry(labels).or_insert_with_key(|labels| {
            self.classics.push(Classic {
                labels: labels.clone(),
                columns: Vec::new(),
                conflicts: Vec::new(),
            });
            self.classics.len() - 1
        });
        if let Some(classic) = self.classics.get_mut(at) {
            classic.columns.push((bound, counts));
        }
    }

    /// Takes both away where a native and a classic histogram meet.
    fn part(&mut self, index: &FxHashMap<Labels, usize>, evaluator: &Evaluator<'_>, span: Span) {
        for native in &mut self.natives {
            let classic = index
                .get(&native.labels)
                .and_then(|at| self.classics.get_mut(*at));
            let Some(classic) = classic else { continue };
            for step in 0..native.column.len() {
                if !native.column.has(step) || !classic.has_any(step) {
                    continue;
                }
                native.column.clear(step);
                classic.conflicts.resize(native.column.len(), false);
                classic
                    .conflicts
                    .iter_mut()
                    .skip(step)
                    .take(1)
                    .for_each(|c| *c = true);
                let text = "vector contains a mix of classic and native histograms".to_owned();
                evaluator
                    .annotations
                    .warn(span, named(text, evaluator.told_name(&native.labels)));
            }
        }
    }
}

/// A text with the name of the metric that it is about, if there is one.
pub(super) fn named(text: String, metric: &str) -> String {
    if metric.is_empty() {
        return text;
    }
    format!("{text} for metric name {metric:?}")
}
