//! `and`, `or`, `unless`: presence of matching series decides, step by step.

use model::Labels;
use rustc_hash::FxHashMap;

use super::frame::{drop_empty, merge_same_labels};
use super::matching::signature;
use super::{Evaluator, Frame, Steps};
use crate::QueryError;
use crate::ast::{BinaryOp, Matching};

impl Evaluator<'_> {
    /// `lhs and rhs` and its like.
    pub(super) fn set_operation(
        &self,
        op: BinaryOp,
        mut lhs: Frame,
        mut rhs: Frame,
        matching: &Matching,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        self.budget.check()?;
        match op {
            BinaryOp::Or => {
                let present = presence(&lhs, matching, steps);
                clear_cells(&mut rhs, matching, |signature, step| {
                    there(&present, signature, step)
                });
                lhs.extend(rhs);
            }
            BinaryOp::And => {
                let present = presence(&rhs, matching, steps);
                clear_cells(&mut lhs, matching, |signature, step| {
                    !there(&present, signature, step)
                });
            }
            _ => {
                let present = presence(&rhs, matching, steps);
                clear_cells(&mut lhs, matching, |signature, step| {
                    there(&present, signature, step)
                });
            }
        }
        drop_empty(&mut lhs);
        merge_same_labels(lhs)
    }
}

/// At which steps there is a sample, by matching labels.
type Presence = FxHashMap<Labels, Vec<bool>>;

fn presence(frame: &Frame, matching: &Matching, steps: Steps) -> Presence {
    let mut presence = Presence::default();
    for series in frame {
        let steps_of = presence
            .entry(signature(&series.labels, matching))
            .or_insert_with(|| vec![false; steps.count]);
        steps_of
            .iter_mut()
            .enumerate()
            .for_each(|(i, p)| *p |= series.column.has(i));
    }
    presence
}

fn there(presence: &Presence, signature: &Labels, step: usize) -> bool {
    presence
        .get(signature)
        .and_then(|steps| steps.get(step))
        .is_some_and(|p| *p)
}

fn clear_cells(frame: &mut Frame, matching: &Matching, clear: impl Fn(&Labels, usize) -> bool) {
    for series in frame {
        let signature = signature(&series.labels, matching);
        let cleared = (0..series.column.len()).filter(|step| clear(&signature, *step));
        cleared.for_each(|step| series.column.clear(step));
    }
}
