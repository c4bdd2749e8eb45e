//! `info`: adds the labels of info series (`target_info`) to the series of the same instance and job.

use model::labels::METRIC_NAME;
use model::{Labels, LabelsBuilder, MatchOp, Matcher};
use rustc_hash::{FxHashMap, FxHashSet};

use super::call::arg;
use super::frame::merge_same_labels;
use super::selector::Wanted;
use super::{Column, Evaluator, Frame, Series, Steps, is_absent, matching};
use crate::ast::{AtModifier, Call, Extension, Span, VectorSelector};
use crate::{Expr, QueryError};

/// What says that an info series is about a series.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// The info metric where none is asked for.
const TARGET_INFO: &str = "target_info";

/// Which info series, and what of them.
struct Selection {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

impl Selection {
    fn new(expr: Option<&Expr>) -> Selection {
        let matchers = match expr.map(Expr::unwrap_parens) {
            Some(Expr::Selector(s)) => s.matchers.clone(),
            _ => Vec::new(),
        };
        let (mut names, data): (Vec<_>, Vec<_>) = matchers.into_iter().partition(|m| m.name == METRIC_NAME);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
        }
        Selection { names, data }
    }

    /// Whether a series is an info series itself, which is not enriched.
    fn is_source(&self, labels: &Labels) -> bool {
        let name = labels.metric_name();
        let asked_for = self.has_positive_name() || is_info_name(name);
        asked_for && self.names.iter().all(|m| m.matches(name))
    }

    /// Whether any condition says what the info metric's name is, rather than what it is not.
    fn has_positive_name(&self) -> bool {
        let positive = |m: &Matcher| matches!(m.op, MatchOp::Equal | MatchOp::Regex);
        self.names.iter().any(positive)
    }

    /// Whether the label of an info series is wanted.
    fn wants(&self, name: &str) -> bool {
        let identifies = name == METRIC_NAME || IDENTIFYING.contains(&name);
        !identifies && (self.data.is_empty() || self.data.iter().any(|m| m.name == name))
    }

    /// Whether a sample without an info series stays.
    fn optional(&self) -> bool {
        self.data.iter().all(Matcher::matches_empty)
    }

    /// The selector of the info series, at the times at which the enriched series is read.
    fn selector(&self, reference: (Option<i64>, i64)) -> Result<VectorSelector, QueryError> {
        let mut matchers: Vec<Matcher> = self.names.iter().chain(&self.data).cloned().collect();
        if !self.has_positive_name() {
            let any_info = Matcher::new(METRIC_NAME, MatchOp::Regex, ".+_info");
            matchers.push(any_info.map_err(|e| QueryError::execution(e.to_string()))?);
        }
        Ok(VectorSelector {
            name: None,
            matchers,
            offset_ms: reference.1,
            offset_expr: None,
            at: reference.0.map(AtModifier::At),
            extension: Extension::None,
            span: Span::default(),
        })
    }
}

impl Evaluator<'_> {
    /// The value of `info(v)` and `info(v, {…})`.
    pub(super) fn info(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let base_expr = arg(call, 0)?;
        let selection = Selection::new(call.args.get(1));
        let (at, offset_ms) = base_expr.reference();
        let base = self.vector(base_expr, steps)?;
        let selector = selection.selector((self.defaults.fixed(at), offset_ms))?;
        let enriched = base.iter().filter(|s| !selection.is_source(&s.labels));
        let targets: FxHashSet<Labels> = enriched
            .map(|s| target(&s.labels))
            .filter(|t| !t.is_empty())
            .collect();
        let infos = if targets.is_empty() {
            Frame::new()
        } else {
            self.select(&selector, steps, Wanted::InfoTimestamp)?
        };
        let mut by_target: FxHashMap<Labels, Vec<&Series>> = FxHashMap::default();
        for info in infos
            .iter()
            .filter(|info| targets.contains(&target(&info.labels)))
        {
            if info.column.has_histograms() {
                return Err(QueryError::execution(format!(
                    "this should be an info metric, with float samples: {}",
                    matching::braced(&info.labels)
                )));
            }
            by_target.entry(target(&info.labels)).or_default().push(info);
        }
        let mut frame = Frame::new();
        for series in base {
            self.budget.check()?;
            if selection.is_source(&series.labels) {
                frame.push(series);
                continue;
            }
            let target = target(&series.labels);
            let candidates = if target.is_empty() {
                None
            } else {
                by_target.get(&target)
            };
            let enriched = enrich(&series, candidates.map_or(&[], Vec::as_slice), &selection)?;
            self.budget
                .charge(enriched.iter().map(|s| s.column.len()).sum())?;
            frame.extend(enriched);
        }
        merge_same_labels(frame)
    }
}

/// Whether `name` is that of an info metric where only others are ruled out: `.+_info`.
fn is_info_name(name: &str) -> bool {
    name.strip_suffix("_info").is_some_and(|rest| !rest.is_empty())
}

fn target(labels: &Labels) -> Labels {
    labels.filtered(|name| IDENTIFYING.contains(&name))
}

/// The series with the labels it has at each step: one for each set of info series that are there together.
fn enrich(series: &Series, infos: &[&Series], selection: &Selection) -> Result<Frame, QueryError> {
    let mut columns: Vec<(Vec<usize>, Series)> = Vec::new();
    for step in (0..series.column.len()).filter(|step| series.column.has(*step)) {
        let current = current(infos, step)?;
        if current.is_empty() && !selection.optional() {
            continue;
        }
        let known = columns.iter().position(|(infos, _)| *infos == current);
        let column = match known {
            Some(i) => i,
            None => {
                let labels = enriched_labels(&series.labels, infos, &current, selection)?;
                let empty = Column::absent(series.column.len());
                columns.push((
                    current,
                    Series {
                        labels,
                        drop_name: series.drop_name,
                        column: empty,
                    },
                ));
                columns.len() - 1
            }
        };
        if let Some((_, into)) = columns.get_mut(column) {
            into.column.set(step, series.column.cell(step));
        }
    }
    Ok(columns.into_iter().map(|(_, s)| s).collect())
}

/// The info series that are there at a step; of those of one metric the one with the newest sample.
fn current(infos: &[&Series], step: usize) -> Result<Vec<usize>, QueryError> {
    let mut newest: Vec<(usize, f64)> = Vec::new();
    for (i, info) in infos.iter().enumerate() {
        let Some(time) = info.column.floats.get(step).copied().filter(|t| !is_absent(*t)) else {
            continue;
        };
        let same_metric = |(other, _): &&mut (usize, f64)| {
            infos
                .get(*other)
                .is_some_and(|o| o.labels.metric_name() == info.labels.metric_name())
        };
        match newest.iter_mut().find(same_metric) {
            None => newest.push((i, time)),
            Some(best) if best.1 < time => *best = (i, time),
            Some(best) if best.1 == time => {
                let other = infos
                    .get(best.0)
                    .map(|o| matching::braced(&o.labels))
                    .unwrap_or_default();
                let at_ms = (time * 1000.0).round();
                return Err(QueryError::execution(format!(
                    "found duplicate series for info metric: existing {other} @ {at_ms}, new {} @ {at_ms}",
                    matching::braced(&info.labels)
                )));
            }
            Some(_) => {}
        }
    }
    Ok(newest.into_iter().map(|(i, _)| i).collect())
}

fn enriched_labels(
    base: &Labels,
    infos: &[&Series],
    current: &[usize],
    selection: &Selection,
) -> Result<Labels, QueryError> {
    let mut added = LabelsBuilder::default();
    for info in current.iter().filter_map(|i| infos.get(*i)) {
        for (name, value) in info.labels.iter().filter(|(name, _)| selection.wants(name)) {
            if base.get(name).is_some() {
                continue;
            }
            if added.get(name).is_some_and(|other| other != value) {
                return Err(QueryError::execution(format!("conflicting label: {name}")));
            }
            added.set(name, value);
        }
    }
    let mut builder = base.to_builder();
    for (name, value) in added.iter() {
        builder.set(name, value);
    }
    Ok(builder.build())
}
