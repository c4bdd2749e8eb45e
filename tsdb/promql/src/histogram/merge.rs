//! Sums and differences of two histograms.

use std::sync::Arc;

use model::histogram::CounterResetHint;

use super::cells::{self, Cell};
use super::{FloatHistogram, Side, bounds};
use crate::numeric::kahan_inc;

/// Exponential and custom buckets have nothing in common: there is no sum of such histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("histograms with exponential and with custom buckets do not mix")]
pub struct MixedSchemas;

/// What a reader of a merged histogram should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "the reader of the result should know"]
pub struct MergeNotes {
    /// One says that it follows a counter reset, the other that it does not.
    pub reset_collision: bool,
    /// The custom bounds differed, and only those that both have are left.
    pub bounds_reconciled: bool,
}

/// What rounding took from the numbers of a histogram, laid out as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Errors {
    /// Whether what is merged brings errors of its own that count: not where the errors are thrown away in the end,
    /// since then the numbers are those of plain sums.
    pub(super) kept: bool,
    pub(super) zero_count: f64,
    pub(super) count: f64,
    pub(super) sum: f64,
    pub(super) positive: Vec<f64>,
    pub(super) negative: Vec<f64>,
}

impl Errors {
    /// None yet.
    pub(super) fn of(histogram: &FloatHistogram) -> Errors {
        Errors {
            kept: true,
            positive: vec![0.0; histogram.positive.buckets.len()],
            negative: vec![0.0; histogram.negative.buckets.len()],
            ..Errors::default()
        }
    }

    pub(super) fn each_number(&mut self, mut change: impl FnMut(&mut f64)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        self.positive.iter_mut().for_each(&mut change);
        self.negative.iter_mut().for_each(&mut change);
    }
}

impl FloatHistogram {
    /// Adds `other`. Where they differ, the result has the coarser schema, the wider zero bucket and the custom bounds
    /// that both have; it is not compacted. A gauge stays one, and makes one of the other.
    ///
    /// # Errors
    /// One has custom buckets and the other has not; nothing is changed then.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<MergeNotes, MixedSchemas> {
        self.merge(other, 1.0)
    }

    /// Subtracts `other`, otherwise as [`add`](Self::add). What the operator `-` gives is a gauge besides, see
    /// [`reset_hint`](Self::reset_hint).
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn subtract(&mut self, other: &FloatHistogram) -> Result<MergeNotes, MixedSchemas> {
        self.merge(other, -1.0)
    }

    fn merge(&mut self, other: &FloatHistogram, sign: f64) -> Result<MergeNotes, MixedSchemas> {
        if !self.same_layout(other) {
            let mut errors = Errors {
                kept: false,
                ..Errors::of(self)
            };
            return self.merge_with_errors(other, sign, &mut errors);
        }
        let reset_collision = self.adjust_reset_hint(other);
        self.zero_count += sign * other.zero_count;
        self.count += sign * other.count;
        self.sum += sign * other.sum;
        for (ours, theirs) in [
            (&mut self.positive, &other.positive),
            (&mut self.negative, &other.negative),
        ] {
            let pairs = ours.buckets.iter_mut().zip(&theirs.buckets);
            pairs.for_each(|(x, y)| *x += sign * y);
        }
        Ok(MergeNotes {
            reset_collision,
            bounds_reconciled: false,
        })
    }

    /// Adds `other` times `sign` and keeps in `errors` what rounding takes.
    pub(super) fn merge_with_errors(
        &mut self,
        other: &FloatHistogram,
        sign: f64,
        errors: &mut Errors,
    ) -> Result<MergeNotes, MixedSchemas> {
        if self.has_custom_buckets() != other.has_custom_buckets() {
            return Err(MixedSchemas);
        }
        let reset_collision = self.adjust_reset_hint(other);
        let same_layout = self.same_layout(other);
        if !self.has_custom_buckets() {
            let theirs = self.reconcile_zero_buckets(other, errors);
            for part in [theirs.count, theirs.error] {
                (self.zero_count, errors.zero_count) =
                    kahan_inc(sign * part, self.zero_count, errors.zero_count);
            }
        }
        (self.count, errors.count) = kahan_inc(sign * other.count, self.count, errors.count);
        (self.sum, errors.sum) = kahan_inc(sign * other.sum, self.sum, errors.sum);
        let mut bounds_reconciled = false;
        if same_layout {
            add_in_place(&mut self.positive, &other.positive, sign, &mut errors.positive);
            add_in_place(&mut self.negative, &other.negative, sign, &mut errors.negative);
        } else if self.has_custom_buckets() && !self.same_bounds(other) {
            bounds_reconciled = true;
            self.merge_other_bounds(other, sign, errors);
        } else {
            self.merge_exponential(other, sign, errors);
        }
        Ok(MergeNotes {
            reset_collision,
            bounds_reconciled,
        })
    }

    /// Whether the buckets of both are in the same places, and none of them is within the zero bucket.
    pub(super) fn same_layout(&self, other: &FloatHistogram) -> bool {
        let outside_zero = |side: &Side| match side.spans.first() {
            Some(first) => bounds::exponential(first.offset, self.schema) > self.zero_threshold,
            None => true,
        };
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && self.positive.same_places(&other.positive)
            && self.negative.same_places(&other.negative)
            && if self.has_custom_buckets() {
                self.same_bounds(other)
            } else {
                outside_zero(&self.positive) && outside_zero(&self.negative)
            }
    }

    /// Adds the buckets of one with the same kind of schema; the zero buckets are reconciled already.
    fn merge_exponential(&mut self, other: &FloatHistogram, sign: f64, errors: &mut Errors) {
        let ours_by = shift(self.schema, other.schema);
        let theirs_by = shift(other.schema, self.schema);
        self.schema = self.schema.min(other.schema);
        let (schema, threshold, kept) = (self.schema, self.zero_threshold, errors.kept);
        let custom = self.has_custom_buckets();
        let in_zero = |c: &Cell| !custom && bounds::exponential(c.index, schema) <= threshold;
        let merge = |ours: &mut Side, theirs: &Side, errors: &mut Vec<f64>| {
            let mut theirs = cells::coarser(cells::exact(theirs, sign), theirs_by);
            if !kept {
                theirs.iter_mut().for_each(|cell| cell.error = 0.0);
            }
            let theirs = theirs.into_iter().skip_while(in_zero);
            let merged = if ours_by == 0 {
                cells::merge(cells::with_errors(ours, errors), theirs)
            } else {
                let ours = cells::coarser(cells::with_errors(ours, errors), ours_by);
                cells::merge(ours.into_iter(), theirs)
            };
            (*ours, *errors) = cells::split(&merged);
        };
        merge(&mut self.positive, &other.positive, &mut errors.positive);
        merge(&mut self.negative, &other.negative, &mut errors.negative);
    }

    /// Adds the buckets of one with other custom bounds: the bounds that both have are kept.
    fn merge_other_bounds(&mut self, other: &FloatHistogram, sign: f64, errors: &mut Errors) {
        let shared = shared_bounds(&self.custom_values, &other.custom_values);
        let mut target: Vec<Cell> = (0..)
            .take(shared.len() + 1)
            .map(|index| Cell {
                index,
                count: 0.0,
                error: 0.0,
            })
            .collect();
        let ours = cells::with_errors(&self.positive, &errors.positive);
        rebucket(ours, &self.custom_values, &shared, &mut target);
        let theirs = cells::exact(&other.positive, sign);
        rebucket(theirs, &other.custom_values, &shared, &mut target);
        target.retain(|c| c.count != 0.0 || c.error != 0.0);
        (self.positive, errors.positive) = cells::split(&target);
        self.custom_values = Arc::from(shared);
    }

    /// What is known of resets after `other` was added; true where the two contradict each other.
    fn adjust_reset_hint(&mut self, other: &FloatHistogram) -> bool {
        use CounterResetHint::{Gauge, NoReset, Reset, Unknown};
        let (hint, collision) = match (self.reset_hint, other.reset_hint) {
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Reset, NoReset) | (NoReset, Reset) => (Unknown, true),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            (same, _) => (same, false),
        };
        self.reset_hint = hint;
        collision
    }
}

/// By how many steps `from` must get coarser to be `to`; 0 where it is that coarse already.
pub(super) fn shift(from: i8, to: i8) -> u32 {
    u32::try_from(i32::from(from) - i32::from(to)).unwrap_or(0)
}

fn add_in_place(ours: &mut Side, theirs: &Side, sign: f64, errors: &mut [f64]) {
    let ours = ours.buckets.iter_mut().zip(errors);
    for ((x, error), y) in ours.zip(&theirs.buckets) {
        (*x, *error) = kahan_inc(sign * y, *x, *error);
    }
}

/// The bounds that are in both lists.
pub(super) fn shared_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut b = b.iter().copied().peekable();
    let shared = |bound: &f64| {
        while b.next_if(|other| other < bound).is_some() {}
        b.next_if(|other| other == bound).is_some()
    };
    a.iter().copied().filter(shared).collect()
}

/// Adds buckets with `bounds` to the cells of the first bucket of `shared` bounds that contains each; there is one cell
/// more than there are shared bounds.
pub(super) fn rebucket(from: impl Iterator<Item = Cell>, bounds: &[f64], shared: &[f64], into: &mut [Cell]) {
    let mut at = 0;
    for cell in from {
        let upper = bounds::custom(cell.index, bounds);
        while shared.get(at).is_some_and(|bound| *bound < upper) {
            at += 1;
        }
        if let Some(target) = into.get_mut(at) {
            target.add(cell);
        }
    }
}
