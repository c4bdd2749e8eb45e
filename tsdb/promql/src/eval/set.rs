//! `and`, `or`, `unless`: presence of matching series decides, step by step.

use rustc_hash::FxHashMap;

use super::frame::{drop_empty, merge_same_labels};
use super::matching::Signature;
use super::{Evaluator, Frame, Series, Steps};
use crate::QueryError;
use crate::ast::{Binary, BinaryOp, Matching};

impl Evaluator<'_> {
    /// `lhs and rhs` and its like.
    pub(super) fn set_operation(
        &self,
        binary: &Binary,
        mut lhs: Frame,
        mut rhs: Frame,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        self.budget.check()?;
        match binary.op {
            BinaryOp::Or => {
                let present = Presence::of(&lhs, &binary.matching, steps);
                present.clear_cells(&mut rhs, |present| present);
                lhs.extend(rhs);
            }
            BinaryOp::And => {
                let present = Presence::of(&rhs, &binary.matching, steps);
                present.clear_cells(&mut lhs, |present| !present);
            }
            _ => {
                let present = Presence::of(&rhs, &binary.matching, steps);
                present.clear_cells(&mut lhs, |present| present);
            }
        }
        drop_empty(&mut lhs);
        merge_same_labels(lhs)
    }
}

/// At which steps there is a sample, by matching labels.
struct Presence<'a> {
    signature: Signature<'a>,
    steps: FxHashMap<Box<[u8]>, Vec<bool>>,
}

impl<'a> Presence<'a> {
    fn of(frame: &Frame, matching: &'a Matching, steps: Steps) -> Presence<'a> {
        let mut presence = Presence {
            signature: Signature::new(matching),
            steps: FxHashMap::default(),
        };
        let mut key = Vec::new();
        for series in frame {
            presence.signature.key(&series.labels, &mut key);
            match presence.steps.get_mut(key.as_slice()) {
                Some(present) => see(present, series),
                None => {
                    let mut present = vec![false; steps.count];
                    see(&mut present, series);
                    presence.steps.insert(key.as_slice().into(), present);
                }
            }
        }
        presence
    }

    /// Empties the cells for which `clear` says so, given whether there is a matching sample.
    fn clear_cells(&self, frame: &mut Frame, clear: impl Fn(bool) -> bool) {
        let mut key = Vec::new();
        for series in frame {
            self.signature.key(&series.labels, &mut key);
            let present = self.steps.get(key.as_slice());
            for step in 0..series.column.len() {
                let present = present.and_then(|p| p.get(step)).is_some_and(|p| *p);
                if clear(present) {
                    series.column.clear(step);
                }
            }
        }
    }
}

fn see(present: &mut [bool], series: &Series) {
    let cells = present.iter_mut().enumerate();
    cells.for_each(|(i, present)| *present |= series.column.has(i));
}
