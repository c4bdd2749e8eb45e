//! What of an answer is there, what is missing, and how the two become one. Pure: nothing is evaluated here.

use std::ops::Range;
use std::sync::Arc;

use super::columns::{Columns, Notes};
use super::grid::Grid;
use crate::value::QueryResult;

/// An answer with so many warnings, or infos, may lack some: which ones depends on the order of evaluation.
const MANY_NOTES: usize = 10;

/// How a question is answered.
#[derive(Debug)]
pub(super) enum Plan {
    /// All is there.
    Kept(QueryResult),
    /// Some is.
    Some(Reuse),
    /// Nothing is of use.
    Nothing,
}

/// Steps that are there, and those around them that are missing.
#[derive(Debug)]
pub(super) struct Reuse {
    columns: Arc<Columns>,
    asked: Grid,
    /// The steps of `columns` that still hold and go on being kept.
    kept: Range<usize>,
    /// Those of them that were asked for.
    used: Range<usize>,
    /// The missing steps before them.
    pub(super) head: Option<Grid>,
    /// The missing steps after them.
    pub(super) tail: Option<Grid>,
}

/// Columns to be kept, and which of their steps were asked for.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) columns: Columns,
    pub(super) answer: Range<usize>,
}

/// What of `columns`, of which the steps before `holds_before_ms` are certain, serves for the steps of `asked`.
pub(super) fn plan(columns: &Arc<Columns>, holds_before_ms: i64, asked: Grid) -> Plan {
    let grid = columns.grid;
    let kept = 0..grid.before(holds_before_ms);
    let shared = grid.shared(&asked);
    let used = shared.start..shared.end.min(kept.end);
    if used.is_empty() {
        return Plan::Nothing;
    }
    let before = asked.before(grid.at(used.start));
    let after = before + used.len();
    if used.len() == asked.count && (columns.notes.is_empty() || grid == asked) {
        return Plan::Kept(columns.answer(&used));
    }
    let head = (before > 0).then(|| asked.part(0..before));
    let tail = (after < asked.count).then(|| asked.part(after..asked.count));
    match (&head, &tail) {
        // Without anything evaluated anew nothing confirms the warnings.
        (None, None) => return Plan::Nothing,
        // Two evaluations for less than half are no gain.
        (Some(_), Some(_)) if used.len() * 2 < asked.count => return Plan::Nothing,
        _ => {}
    }
    Plan::Some(Reuse {
        columns: Arc::clone(columns),
        asked,
        kept,
        used,
        head,
        tail,
    })
}

impl Reuse {
    /// The last step that is taken from what was there.
    pub(super) fn last_used_ms(&self) -> i64 {
        self.columns.grid.at(self.used.end.saturating_sub(1))
    }

    /// The steps that are there and those evaluated, as one. `None` where the warnings and infos of the whole cannot be told.
    pub(super) fn join(&self, head: Option<&Columns>, tail: Option<&Columns>) -> Option<Joined> {
        if head.is_none() && self.head.is_some() || tail.is_none() && self.tail.is_some() {
            return None;
        }
        let notes = self.notes(head, tail)?;
        let grid = self.grid(notes.is_empty());
        let kept = self.columns.grid.within(grid.start_ms, grid.last_ms());
        let kept = kept.start..kept.end.min(self.kept.end);
        let all = |columns: &Columns| 0..columns.grid.count;
        let parts: Vec<(&Columns, Range<usize>)> = [
            head.map(|c| (c, all(c))),
            Some((&*self.columns, kept)),
            tail.map(|c| (c, all(c))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let answer = grid.shared(&self.asked);
        Some(Joined {
            columns: Columns::join(grid, &parts, notes),
            answer,
        })
    }

    /// The warnings and infos of the whole. Those of what was there count only where the new steps repeat them all: else
    /// it may have been a step outside that gave rise to them.
    fn notes(&self, head: Option<&Columns>, tail: Option<&Columns>) -> Option<Notes> {
        let mut new = [head, tail]
            .into_iter()
            .flatten()
            .map(|c| &c.notes)
            .filter(|notes| !notes.is_empty());
        let notes = new.next().cloned().unwrap_or_default();
        let agree = new.all(|other| *other == notes);
        let certain = agree && notes.contain(&self.columns.notes) && notes.most() < MANY_NOTES;
        certain.then_some(notes)
    }

    /// The steps to keep: those asked for, and where nothing hinges on the window as many of the others as there were, so
    /// that a short window asked for now and then does not take the steps from a longer one.
    fn grid(&self, with_others: bool) -> Grid {
        let Grid { step_ms, .. } = self.asked;
        if !with_others {
            return self.asked;
        }
        let old = self.columns.grid.part(self.kept.clone());
        let last_ms = old.last_ms().max(self.asked.last_ms());
        let first_ms = old.start_ms.min(self.asked.start_ms);
        let joined = Grid {
            start_ms: first_ms,
            step_ms,
            count: 1,
        };
        let steps = |ms: i64| usize::try_from(ms / step_ms).unwrap_or(0);
        let count = steps(last_ms - first_ms) + 1;
        let asked = steps(self.asked.start_ms - first_ms)..steps(self.asked.last_ms() - first_ms) + 1;
        let most = self.columns.grid.count.max(self.asked.count);
        let from = count.saturating_sub(most).min(asked.start);
        let to = (from + most).min(count).max(asked.end);
        Grid { count, ..joined }.part(from..to)
    }
}

#[cfg(test)]
mod tests;
