//! Operators between two vectors: samples of equal matching labels meet, one to one or many to one.
//!
//! Series are put into groups of equal matching labels once; within a group the columns are combined pair by
//! pair. Which series of the "one" side is there can differ from step to step.

use std::fmt::Write;

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::FxHashMap;

use super::binary::Operator;
use super::frame::{is_metadata_label, merge_same_labels};
use super::{ABSENT, Column, Evaluator, Frame, Series, Steps, is_absent};
use crate::QueryError;
use crate::ast::{Cardinality, Matching};

/// The labels by which a series is matched.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    if matching.on {
        labels.filtered(listed)
    } else {
        labels.filtered(|n| n != METRIC_NAME && !listed(n))
    }
}

/// The series of both sides with equal matching labels.
struct Group<'a> {
    labels: Labels,
    many: Vec<(usize, &'a Series)>,
    one: Vec<&'a Series>,
}

/// One operator node in evaluation, sides named by their role.
struct Matcher<'a> {
    operator: Operator,
    matching: &'a Matching,
    /// The "many" side stands on the right.
    swapped: bool,
    many_fill: Option<f64>,
    one_fill: Option<f64>,
    /// Steps at which the many side has any sample at all.
    many_any: Vec<bool>,
    steps: Steps,
}

impl Evaluator<'_> {
    /// `lhs op rhs`
    pub(super) fn match_vectors(
        &self,
        operator: Operator,
        lhs: Frame,
        rhs: Frame,
        matching: &Matching,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        // Upstream swaps the sides of `group_right` but not their fills: `fill_left` is always the "many" side's.
        let (many_fill, one_fill) = (matching.fill_left, matching.fill_right);
        let many_any = any_by_step(&many, steps);
        let matcher = Matcher {
            operator,
            matching,
            swapped,
            many_fill,
            one_fill,
            many_any,
            steps,
        };
        let mut placed: Vec<(usize, Series)> = Vec::new();
        for group in groups(&many, &one, matching) {
            self.budget.check()?;
            let results = matcher.group(&group)?;
            self.budget
                .charge(results.iter().map(|(_, s)| s.column.len()).sum())?;
            placed.extend(results);
        }
        // The answer of an instant query is in the order of the many side.
        placed.sort_by_key(|(i, _)| *i);
        merge_same_labels(placed.into_iter().map(|(_, s)| s).collect())
    }
}

fn any_by_step(frame: &Frame, steps: Steps) -> Vec<bool> {
    let mut any = vec![false; steps.count];
    for series in frame {
        any.iter_mut()
            .zip(&series.column.floats)
            .for_each(|(any, v)| *any |= !is_absent(*v));
    }
    any
}

fn groups<'a>(many: &'a Frame, one: &'a Frame, matching: &Matching) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut index: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut place = |labels: &Labels, groups: &mut Vec<Group<'a>>| {
        let signature = signature(labels, matching);
        *index.entry(signature).or_insert_with_key(|signature| {
            groups.push(Group {
                labels: signature.clone(),
                many: Vec::new(),
                one: Vec::new(),
            });
            groups.len() - 1
        })
    };
    for (i, series) in many.iter().enumerate() {
        let at = place(&series.labels, &mut groups);
        groups[at].many.push((i, series));
    }
    for series in one {
        let at = place(&series.labels, &mut groups);
        groups[at].one.push(series);
    }
    groups
}

impl Matcher<'_> {
    /// The results of one group, each with its place in the answer.
    fn group(&self, group: &Group<'_>) -> Result<Vec<(usize, Series)>, QueryError> {
        self.check_one_side(group)?;
        self.check_many_side(group)?;
        let mut results = Vec::new();
        for (i, many) in &group.many {
            for one in &group.one {
                let pairs = many.column.floats.iter().zip(&one.column.floats);
                let values = pairs.map(|(m, o)| if is_absent(*o) { ABSENT } else { self.value(*m, *o) });
                self.push(&mut results, *i, &many.labels, &one.labels, values.collect());
            }
            if let Some(fill) = self.one_fill {
                let missing = |step: usize| group.one.iter().all(|o| at(o, step));
                let cells = many.column.floats.iter().enumerate();
                let values = cells.map(|(s, m)| if missing(s) { self.value(*m, fill) } else { ABSENT });
                self.push(&mut results, *i, &many.labels, &group.labels, values.collect());
            }
        }
        if let Some(fill) = self.many_fill {
            let missing = |step: usize| group.many.iter().all(|(_, m)| at(m, step));
            for one in &group.one {
                let cells = one.column.floats.iter().enumerate();
                let value = |o: f64| if is_absent(o) { ABSENT } else { self.value(fill, o) };
                let values = cells.map(|(s, o)| if missing(s) { value(*o) } else { ABSENT });
                self.push(
                    &mut results,
                    usize::MAX,
                    &group.labels,
                    &one.labels,
                    values.collect(),
                );
            }
        }
        Ok(results)
    }

    /// The operator's value for a sample of each side; the many side's may be absent.
    fn value(&self, many: f64, one: f64) -> f64 {
        if is_absent(many) {
            return ABSENT;
        }
        let (l, r) = if self.swapped { (one, many) } else { (many, one) };
        self.operator.apply(l, r, l)
    }

    fn push(
        &self,
        results: &mut Vec<(usize, Series)>,
        place: usize,
        many: &Labels,
        one: &Labels,
        values: Vec<f64>,
    ) {
        if values.iter().any(|v| !is_absent(*v)) {
            let labels = self.result_labels(many, one);
            results.push((
                place,
                Series {
                    labels,
                    drop_name: self.operator.return_bool,
                    column: Column::of_floats(values),
                },
            ));
        }
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let Matching {
            cardinality,
            on,
            labels,
            include,
            ..
        } = self.matching;
        let listed = |name: &str| labels.iter().any(|l| l == name);
        let changed = self.operator.changes_schema;
        let kept = many.filtered(|name| {
            let matched = *cardinality != Cardinality::OneToOne || listed(name) == *on;
            matched && !(changed && is_metadata_label(name))
        });
        if include.is_empty() {
            return kept;
        }
        let mut builder = kept.to_builder();
        for name in include {
            builder.set(name, one.get(name).unwrap_or(""));
        }
        builder.build()
    }

    /// The "one" side may have only one sample of a group at a time.
    fn check_one_side(&self, group: &Group<'_>) -> Result<(), QueryError> {
        if group.one.len() < 2 {
            return Ok(());
        }
        let filled = self.many_fill.is_some() || self.one_fill.is_some();
        for step in (0..self.steps.count).filter(|s| filled || self.many_any.get(*s) == Some(&true)) {
            let mut present = group.one.iter().filter(|s| !at(s, step));
            if let (Some(first), Some(second)) = (present.next(), present.next()) {
                let side = if self.swapped { "left" } else { "right" };
                return Err(QueryError::execution(format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: \
                     [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                    braced(&group.labels),
                    braced(&first.labels),
                    braced(&second.labels),
                )));
            }
        }
        Ok(())
    }

    /// Without grouping only one sample of the "many" side of a group may meet the other at a time; with grouping
    /// their results must differ in labels. What a comparison filters away counts too.
    fn check_many_side(&self, group: &Group<'_>) -> Result<(), QueryError> {
        if group.many.len() < 2 {
            return Ok(());
        }
        if self.matching.cardinality == Cardinality::OneToOne {
            for step in 0..self.steps.count {
                let met = self.one_fill.is_some() || group.one.iter().any(|s| !at(s, step));
                if met && group.many.iter().filter(|(_, s)| !at(s, step)).nth(1).is_some() {
                    return Err(QueryError::execution(
                        "multiple matches for labels: many-to-one matching must be explicit \
                         (group_left/group_right)",
                    ));
                }
            }
            return Ok(());
        }
        let mut by_labels: FxHashMap<Labels, Vec<(&Series, &Series)>> = FxHashMap::default();
        for (_, many) in &group.many {
            for one in &group.one {
                by_labels
                    .entry(self.result_labels(&many.labels, &one.labels))
                    .or_default()
                    .push((many, one));
            }
        }
        for pairs in by_labels.values().filter(|pairs| pairs.len() > 1) {
            for step in 0..self.steps.count {
                let both = |(many, one): &&(&Series, &Series)| !at(many, step) && !at(one, step);
                if pairs.iter().filter(both).nth(1).is_some() {
                    return Err(QueryError::execution(
                        "multiple matches for labels: grouping labels must ensure unique matches",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Whether the series is absent at the step.
fn at(series: &Series, step: usize) -> bool {
    !series.column.has(step)
}

/// A label set as error messages show it: all pairs in braces, the name among them.
pub(super) fn braced(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{name}={value:?}");
    }
    text.push('}');
    text
}
