//! `sort` and its like. Only an instant query shows an order.

use std::cmp::Ordering;

use rustc_hash::FxHashSet;

use super::call::arg;
use super::frame::drop_empty;
use super::{Evaluator, Frame, Series, Steps, string};
use crate::ast::Call;
use crate::{Expr, QueryError};

impl Evaluator<'_> {
    /// By value, NaN last either way. Histograms have no place in such an order.
    pub(super) fn sort(&self, call: &Call, descending: bool, steps: Steps) -> Result<Frame, QueryError> {
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        frame.iter_mut().for_each(|s| s.column.drop_histograms());
        drop_empty(&mut frame);
        if self.has_order(call, steps) {
            let value = |s: &Series| s.column.floats.first().copied().unwrap_or(f64::NAN);
            frame.sort_by(|a, b| {
                let (a, b) = (value(a), value(b));
                let order = a
                    .partial_cmp(&b)
                    .map(|o| if descending { o.reverse() } else { o });
                order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            });
        }
        Ok(frame)
    }

    /// By the values of labels in natural order, then by all labels.
    pub(super) fn sort_by_label(
        &self,
        call: &Call,
        descending: bool,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let mut names: Vec<&str> = call.args.iter().skip(1).map(string).collect::<Result<_, _>>()?;
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        if self.has_order(call, steps) {
            // A label that no series has, or that was named before, tells nothing apart: a query can name many.
            let present: FxHashSet<&str> = frame.iter().flat_map(|s| s.labels.iter()).map(|l| l.0).collect();
            let mut named = FxHashSet::default();
            names.retain(|name| present.contains(name) && named.insert(*name));
            frame.sort_by(|a, b| {
                let mut by_names = names.iter().map(|name| natural(value(a, name), value(b, name)));
                let order = by_names
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
                    .then_with(|| a.labels.cmp(&b.labels));
                if descending { order.reverse() } else { order }
            });
        }
        Ok(frame)
    }

    /// Whether an order shows. What is the same at every step is evaluated once, as by an instant query.
    fn has_order(&self, call: &Call, steps: Steps) -> bool {
        let once = call.args.iter().all(Expr::is_step_invariant);
        if !once && (steps.count > 1 || self.defaults.query_start_ms != self.defaults.query_end_ms) {
            self.annotations.warn(
                call.span,
                "sort is ineffective for range queries since results are always ordered by labels",
            );
        }
        steps.count == 1
    }
}

fn value<'s>(series: &'s Series, name: &str) -> &'s str {
    series.labels.get(name).unwrap_or("")
}

/// Runs of digits compare as numbers, all else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        match (a.is_empty(), b.is_empty()) {
            (true, _) | (_, true) => return b.is_empty().cmp(&a.is_empty()),
            _ => {}
        }
        let (a_run, a_rest) = run(a);
        let (b_run, b_rest) = run(b);
        let order = if is_number(a_run) && is_number(b_run) {
            let (x, y) = (a_run.trim_start_matches('0'), b_run.trim_start_matches('0'));
            x.len()
                .cmp(&y.len())
                .then_with(|| x.cmp(y))
                .then_with(|| a_run.len().cmp(&b_run.len()))
        } else {
            a_run.cmp(b_run)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
}

fn is_number(run: &str) -> bool {
    run.starts_with(|c: char| c.is_ascii_digit())
}

/// The first run of digits or of other characters.
fn run(text: &str) -> (&str, &str) {
    let digits = is_number(text);
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}
