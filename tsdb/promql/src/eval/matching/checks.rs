//! Which samples must not meet: found before anything is combined, and told as Prometheus does, which evaluates step by
//! step and stops at the first fault.

use model::Labels;
use rustc_hash::FxHashMap;

use super::super::binary::element;
use super::super::stream::SERIES_BYTES;
use super::super::{Cell, Series};
use super::{Group, Matcher, braced};
use crate::QueryError;
use crate::ast::Cardinality;

/// Why an operator cannot be evaluated. The least one is told: the first step, the "one" side before the "many" side, and
/// the first series there.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    step: usize,
    many_side: bool,
    place: usize,
    pub(super) text: String,
}

impl Matcher<'_> {
    /// The first fault in a group. `one` is the whole "one" side.
    ///
    /// # Errors
    /// The budget is used up: where many series meet many there is much to look at.
    pub(super) fn fault(&self, group: &Group<'_>, one: &[Series]) -> Result<Option<Fault>, QueryError> {
        let faults = [self.fault_of_one(group, one), self.fault_of_many(group)?];
        Ok(faults.into_iter().flatten().min())
    }

    /// Whether something comes of the two at a step: not where the operator is not for what they are. Without a series of
    /// the "one" side its fill is meant.
    pub(super) fn meets(&self, many: &Series, one: Option<&Series>, step: usize) -> bool {
        let (l, r) = match (one, self.one_fill) {
            (Some(one), _) => (many.column.cell(step), one.column.cell(step)),
            (None, Some(fill)) => (many.column.cell(step), Cell::Float(fill)),
            (None, None) => return false,
        };
        match (&l, &r) {
            (Cell::Absent, _) | (_, Cell::Absent) => false,
            (Cell::Float(_), Cell::Float(_)) if !self.operator.needs_histograms() => true,
            _ if self.swapped => element(self.operator.op, r, l).error.is_none(),
            _ => element(self.operator.op, l, r).error.is_none(),
        }
    }

    /// The "one" side may have only one sample of a group at a time.
    fn fault_of_one(&self, group: &Group<'_>, one: &[Series]) -> Option<Fault> {
        if group.one.len() < 2 {
            return None;
        }
        let filled = self.many_fill.is_some() || self.one_fill.is_some();
        for step in (0..self.steps.count).filter(|s| filled || self.many_any.get(*s) == Some(&true)) {
            let mut present = group.one.iter().filter(|s| s.column.has(step));
            let (Some(first), Some(second)) = (present.next(), present.next()) else {
                continue;
            };
            let side = if self.swapped { "left" } else { "right" };
            // In order, so that the same query fails with the same words.
            let lesser = (&first.labels).min(&second.labels);
            let greater = (&first.labels).max(&second.labels);
            return Some(Fault {
                step,
                many_side: false,
                place: one.iter().position(|s| std::ptr::eq(s, *second)).unwrap_or(0),
                text: format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: \
                     [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                    braced(&self.signature.labels(&first.labels)),
                    braced(lesser),
                    braced(greater),
                ),
            });
        }
        None
    }

    /// Without grouping only one sample of the "many" side of a group may meet the other at a time; with grouping
    /// their results must differ in labels. What a comparison filters away counts too.
    fn fault_of_many(&self, group: &Group<'_>) -> Result<Option<Fault>, QueryError> {
        if group.many.len() < 2 {
            return Ok(None);
        }
        let (same, text) = match self.matching.cardinality {
            Cardinality::OneToOne => (
                vec![group.many.clone()],
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ),
            _ => (
                self.with_same_results(group)?,
                "multiple matches for labels: grouping labels must ensure unique matches",
            ),
        };
        let mut first: Option<(usize, usize)> = None;
        for many in &same {
            self.budget.check()?;
            let fault = self.first_meeting_of_two(group, many);
            first = [first, fault].into_iter().flatten().min();
        }
        Ok(first.map(|(step, place)| Fault {
            step,
            many_side: true,
            place,
            text: text.to_owned(),
        }))
    }

    /// The series of the "many" side whose results have the same labels, where that is so of several.
    fn with_same_results<'a>(&self, group: &Group<'a>) -> Result<Vec<Vec<(usize, &'a Series)>>, QueryError> {
        let mut by_labels: FxHashMap<Labels, Vec<(usize, &'a Series)>> = FxHashMap::default();
        for &(i, many) in &group.many {
            self.budget.check()?;
            self.budget.touch_bytes(by_labels.len() * SERIES_BYTES)?;
            let ones = group
                .one
                .iter()
                .map(|one| self.result_labels(&many.labels, &one.labels));
            let fill = self.one_fill.map(|_| {
                let matched = self.signature.labels(&many.labels);
                self.result_labels(&many.labels, &matched)
            });
            for labels in ones.chain(fill) {
                let same = by_labels.entry(labels).or_default();
                if same.last().is_none_or(|(last, _)| *last != i) {
                    same.push((i, many));
                }
            }
        }
        Ok(by_labels.into_values().filter(|same| same.len() > 1).collect())
    }

    /// The first step at which two of these meet the other side, and which is the second one.
    fn first_meeting_of_two(&self, group: &Group<'_>, many: &[(usize, &Series)]) -> Option<(usize, usize)> {
        for step in 0..self.steps.count {
            let one = group.one.iter().find(|s| s.column.has(step)).copied();
            if one.is_none() && self.one_fill.is_none() {
                continue;
            }
            let mut meeting = many.iter().filter(|(_, s)| self.meets(s, one, step));
            if let (Some(_), Some((place, _))) = (meeting.next(), meeting.next()) {
                return Some((step, *place));
            }
        }
        None
    }
}
