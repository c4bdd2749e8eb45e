//! Operators between two vectors: samples of equal matching labels meet, one to one or many to one.
//!
//! Series are put into groups of equal matching labels once; within a group the columns are combined pair by
//! pair. Which series of the "one" side is there can differ from step to step.

mod checks;

use std::fmt::Write;

use model::Labels;
use model::labels::{METRIC_NAME, is_legacy_label_name};
use rustc_hash::FxHashMap;

use super::binary::{Note, Operator, element};
use super::frame::{is_metadata_label, merge_same_labels};
use super::{ABSENT, Cell, Column, Evaluator, Frame, Series, Steps, is_absent};
use crate::QueryError;
use crate::ast::{Binary, Cardinality, Matching};
use crate::budget::Budget;

/// Stands between the texts of a signature; no text of a label has this byte.
const BETWEEN: u8 = 0xff;

/// By what series match.
pub(super) struct Signature<'a> {
    on: bool,
    names: Vec<&'a str>,
}

impl<'a> Signature<'a> {
    pub(super) fn new(matching: &'a Matching) -> Signature<'a> {
        let mut names: Vec<&str> = matching.labels.iter().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        Signature {
            on: matching.on,
            names,
        }
    }

    /// Sets `key` to bytes that are the same for labels that match and for no others.
    pub(super) fn key(&self, labels: &Labels, key: &mut Vec<u8>) {
        key.clear();
        let mut put = |text: &str| {
            key.extend_from_slice(text.as_bytes());
            key.push(BETWEEN);
        };
        if self.on {
            self.names
                .iter()
                .for_each(|name| put(labels.get(name).unwrap_or("")));
            return;
        }
        let rest = labels
            .iter()
            .filter(|(n, _)| *n != METRIC_NAME && !self.names.contains(n));
        rest.for_each(|(name, value)| {
            put(name);
            put(value);
        });
    }

    /// The labels that match.
    fn labels(&self, labels: &Labels) -> Labels {
        if self.on {
            labels.filtered(|n| self.names.contains(&n))
        } else {
            labels.filtered(|n| n != METRIC_NAME && !self.names.contains(&n))
        }
    }
}

/// The series of both sides with equal matching labels.
#[derive(Default)]
struct Group<'a> {
    many: Vec<(usize, &'a Series)>,
    one: Vec<&'a Series>,
}

/// One operator node in evaluation, sides named by their role.
struct Matcher<'a> {
    operator: Operator,
    matching: &'a Matching,
    signature: &'a Signature<'a>,
    /// Names go at once where they are obsolete.
    drop_now: bool,
    /// The "many" side stands on the right.
    swapped: bool,
    many_fill: Option<f64>,
    one_fill: Option<f64>,
    /// Steps at which the many side has any sample at all.
    many_any: Vec<bool>,
    steps: Steps,
    budget: &'a Budget,
}

impl Evaluator<'_> {
    /// `lhs op rhs`
    pub(super) fn match_vectors(
        &self,
        binary: &Binary,
        lhs: Frame,
        rhs: Frame,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let matching = &binary.matching;
        let signature = Signature::new(matching);
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        // Upstream swaps the sides of `group_right` but not their fills: `fill_left` is always the "many" side's.
        let (many_fill, one_fill) = (matching.fill_left, matching.fill_right);
        let many_any = any_by_step(&many, steps);
        let matcher = Matcher {
            operator: Operator::new(binary),
            matching,
            signature: &signature,
            drop_now: !self.delayed_name_removal,
            swapped,
            many_fill,
            one_fill,
            many_any,
            steps,
            budget: &self.budget,
        };
        let mut said = Said::new(steps);
        let mut faults = Vec::new();
        let mut placed: Vec<(usize, Series)> = Vec::new();
        for group in groups(&many, &one, &signature) {
            self.budget.check()?;
            faults.extend(matcher.fault(&group, &one)?);
            if !faults.is_empty() {
                // Of all faults the first one is told.
                continue;
            }
            placed.extend(matcher.group(&group, &mut said)?);
        }
        if let Some(first) = faults.into_iter().min() {
            return Err(QueryError::Execution(first.text));
        }
        said.tell(self, matcher.operator);
        // The answer of an instant query is in the order of the many side.
        placed.sort_by_key(|(i, _)| *i);
        merge_same_labels(placed.into_iter().map(|(_, s)| s).collect())
    }
}

/// What there is to say of each step: of several things the last one, by the order of the many side, as upstream does.
struct Said {
    steps: Vec<Option<(usize, Note)>>,
}

impl Said {
    fn new(steps: Steps) -> Said {
        Said {
            steps: vec![None; steps.count],
        }
    }

    fn note(&mut self, step: usize, place: usize, note: Note) {
        if let Some(said) = self.steps.get_mut(step)
            && said.is_none_or(|(before, _)| before <= place)
        {
            *said = Some((place, note));
        }
    }

    fn tell(self, evaluator: &Evaluator<'_>, operator: Operator) {
        let mut told: Vec<Note> = Vec::new();
        for (_, note) in self.steps.into_iter().flatten() {
            if !told.contains(&note) {
                note.tell(&evaluator.annotations, operator);
                told.push(note);
            }
        }
    }
}

fn any_by_step(frame: &Frame, steps: Steps) -> Vec<bool> {
    let mut any = vec![false; steps.count];
    for series in frame {
        any.iter_mut()
            .enumerate()
            .for_each(|(i, any)| *any |= series.column.has(i));
    }
    any
}

fn groups<'a>(many: &'a Frame, one: &'a Frame, signature: &Signature<'_>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut index: FxHashMap<Box<[u8]>, usize> = FxHashMap::default();
    let mut key = Vec::new();
    let mut place = |labels: &Labels, groups: &mut Vec<Group<'a>>| {
        signature.key(labels, &mut key);
        if let Some(at) = index.get(key.as_slice()) {
            return *at;
        }
        groups.push(Group::default());
        index.insert(key.as_slice().into(), groups.len() - 1);
        groups.len() - 1
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

/// What stands on a side of the operator.
#[derive(Clone, Copy)]
enum Side<'a> {
    Column(&'a Column),
    /// A value at the steps at which there is no sample.
    Fill(f64, &'a dyn Fn(usize) -> bool),
}

impl<'a> Side<'a> {
    fn cell(&self, step: usize) -> Cell<'a> {
        match self {
            Side::Column(column) => column.cell(step),
            Side::Fill(value, missing) if missing(step) => Cell::Float(*value),
            Side::Fill(..) => Cell::Absent,
        }
    }
}

impl Matcher<'_> {
    /// The results of one group, each with its place in the answer.
    fn group(&self, group: &Group<'_>, said: &mut Said) -> Result<Vec<(usize, Series)>, QueryError> {
        let mut results = Vec::new();
        for (i, many) in &group.many {
            self.budget.check()?;
            for one in &group.one {
                let column = self.combine(Side::Column(&many.column), Side::Column(&one.column), *i, said);
                self.push(&mut results, *i, &many.labels, &one.labels, column)?;
            }
            if let Some(fill) = self.one_fill {
                let missing = |step: usize| group.one.iter().all(|o| !o.column.has(step));
                let fill = Side::Fill(fill, &missing);
                let column = self.combine(Side::Column(&many.column), fill, *i, said);
                self.push(
                    &mut results,
                    *i,
                    &many.labels,
                    &self.signature.labels(&many.labels),
                    column,
                )?;
            }
        }
        if let Some(fill) = self.many_fill {
            for one in &group.one {
                self.budget.check()?;
                let missing = |step: usize| !group.many.iter().any(|(_, m)| self.meets(m, Some(one), step));
                let fill = Side::Fill(fill, &missing);
                let column = self.combine(fill, Side::Column(&one.column), usize::MAX, said);
                self.push(
                    &mut results,
                    usize::MAX,
                    &self.signature.labels(&one.labels),
                    &one.labels,
                    column,
                )?;
            }
        }
        Ok(results)
    }

    /// The operator's values where both sides have one.
    fn combine(&self, many: Side<'_>, one: Side<'_>, place: usize, said: &mut Said) -> Column {
        let (left, right) = if self.swapped { (one, many) } else { (many, one) };
        if let (Side::Column(l), Side::Column(r)) = (left, right)
            && !l.has_histograms()
            && !r.has_histograms()
            && !self.operator.needs_histograms()
        {
            let pairs = l.floats.iter().zip(&r.floats);
            let value = |(l, r): (&f64, &f64)| match is_absent(*l) || is_absent(*r) {
                true => ABSENT,
                false => self.operator.apply(*l, *r, *l),
            };
            return Column::of_floats(pairs.map(value).collect());
        }
        let mut column = Column::absent(self.steps.count);
        for step in 0..self.steps.count {
            let (l, r) = (left.cell(step), right.cell(step));
            if l.is_absent() || r.is_absent() {
                continue;
            }
            let done = element(self.operator.op, l, r);
            if let Some(note) = done.error.or(done.note) {
                said.note(step, place, note);
            }
            if done.error.is_some() {
                continue;
            }
            if self.operator.return_bool {
                column.set_float(step, f64::from(u8::from(done.keep)));
            } else if done.keep {
                done.value.put(&mut column, step);
            }
        }
        column
    }

    fn push(
        &self,
        results: &mut Vec<(usize, Series)>,
        place: usize,
        many: &Labels,
        one: &Labels,
        column: Column,
    ) -> Result<(), QueryError> {
        if column.is_empty() {
            return Ok(());
        }
        let series = Series {
            labels: self.result_labels(many, one),
            drop_name: self.operator.return_bool && !self.drop_now,
            column,
        };
        // One by one: a group of many sides each of which meets many others gives more than both sides have.
        self.budget.charge(series.column.samples())?;
        self.budget.hold_bytes(series.bytes())?;
        results.push((place, series));
        Ok(())
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
        let changed = self.operator.changes_schema || (self.operator.return_bool && self.drop_now);
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
}

/// A label set as error messages show it: all pairs in braces, the name among them.
pub(super) fn braced(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = match is_legacy_label_name(name) {
            true => write!(text, "{comma}{name}={value:?}"),
            false => write!(text, "{comma}{name:?}={value:?}"),
        };
    }
    text.push('}');
    text
}
