//! What one query sees: the runs of the head and the days, as they were when it began, and the answers from them.
//!
//! Days and, within a day, blocks are walked from the end that the limit counts from; the walk ends when no block
//! left can hold a line that would still be taken.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use model::logs::{Direction, LogCount, LogQuery, LogRecord};
use model::{Labels, StoreError};

use crate::block::Block;
use crate::day::{Candidate, Day, Days, day_of};
use crate::head::{Entry, Run};
use crate::query::{Conditions, Rank, Top};

/// At most so many steps in one count.
const MAX_STEPS: i64 = 11_000;

/// See the module.
pub(crate) struct Snapshot<'a> {
    pub(crate) head: Vec<(Labels, Vec<Run>)>,
    pub(crate) days: Days,
    /// Told of each block that does not check out and was skipped.
    pub(crate) damaged: &'a dyn Fn(String),
}

impl Snapshot<'_> {
    pub(crate) fn query(
        &self,
        query: &LogQuery,
        conditions: &Conditions<'_>,
    ) -> Result<Vec<LogRecord>, StoreError> {
        let mut top = Top::new(query.limit);
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        self.each_entry(query.direction, |stream, entry| {
            let rank = Rank::new(query.direction, entry.timestamp_ns, entry.seq);
            if conditions.in_time(entry.timestamp_ns)
                && top.wants(rank)
                && conditions.accept(&entry.line, || &entry.extras)
            {
                top.push(rank, entry.to_record(stream));
            }
        });
        self.each_block(query, conditions, |day, candidate| {
            let nearest = match query.direction {
                Direction::Forward => candidate.first_ns,
                Direction::Backward => candidate.last_ns,
            };
            if !top.wants(Rank::new(query.direction, nearest, 0)) {
                return ControlFlow::Break(());
            }
            if let Some(block) = self.read(day, candidate) {
                take_lines(&block, query.direction, conditions, &mut top);
            }
            ControlFlow::Continue(())
        })?;
        Ok(top.into_sorted())
    }

    pub(crate) fn count(
        &self,
        query: &LogQuery,
        conditions: &Conditions<'_>,
        step_ns: i64,
    ) -> Result<Vec<LogCount>, StoreError> {
        let mut steps = Steps::new(query.start_ns, query.end_ns, step_ns)?;
        self.each_entry(Direction::Forward, |_, entry| {
            if conditions.in_time(entry.timestamp_ns) && conditions.accept(&entry.line, || &entry.extras) {
                steps.add(entry.timestamp_ns, 1);
            }
        });
        self.each_block(query, conditions, |day, candidate| {
            let whole = conditions.in_time(candidate.first_ns)
                && conditions.in_time(candidate.last_ns)
                && steps.same(candidate.first_ns, candidate.last_ns);
            if whole && conditions.accept_all_lines() {
                steps.add(candidate.first_ns, candidate.count);
            } else if let Some(block) = self.read(day, candidate) {
                for line in block.lines() {
                    if conditions.in_time(line.timestamp_ns())
                        && conditions.accept(line.text(), || line.extras())
                    {
                        steps.add(line.timestamp_ns(), 1);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(steps.counts)
    }

    /// The streams with a line in time. Blocks are read only where their span does not settle it.
    pub(crate) fn series(
        &self,
        query: &LogQuery,
        conditions: &Conditions<'_>,
    ) -> Result<Vec<Labels>, StoreError> {
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        self.each_entry(Direction::Forward, |stream, entry| {
            if conditions.in_time(entry.timestamp_ns) && !found.contains(stream) {
                found.insert(stream.clone());
            }
        });
        self.each_block(query, conditions, |day, candidate| {
            let Some(stream) = day.streams.get(candidate.stream) else {
                return ControlFlow::Continue(());
            };
            if found.contains(stream) {
                return ControlFlow::Continue(());
            }
            let has_line = conditions.in_time(candidate.first_ns)
                || conditions.in_time(candidate.last_ns)
                || self
                    .read(day, candidate)
                    .is_some_and(|block| block.lines().any(|line| conditions.in_time(line.timestamp_ns())));
            if has_line {
                found.insert(stream.clone());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found.into_iter().collect())
    }

    /// The head's lines, for a limit from the newest arrival on, which is likely the newest line as well.
    fn each_entry(&self, direction: Direction, mut visit: impl FnMut(&Labels, &Entry)) {
        for (stream, runs) in &self.head {
            let entries = runs.iter().flat_map(|run| run.iter());
            match direction {
                Direction::Forward => entries.for_each(|e| visit(stream, e)),
                Direction::Backward => entries.rev().for_each(|e| visit(stream, e)),
            }
        }
    }

    fn each_block(
        &self,
        query: &LogQuery,
        conditions: &Conditions<'_>,
        mut visit: impl FnMut(&Day, &Candidate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if query.start_ns >= query.end_ns {
            return Ok(());
        }
        let mut days: Vec<&Day> = self
            .days
            .range(day_of(query.start_ns)..=day_of(query.end_ns - 1))
            .map(|(_, day)| &**day)
            .collect();
        if query.direction == Direction::Backward {
            days.reverse();
        }
        for day in days {
            let mut candidates =
                day.candidates(query.start_ns, query.end_ns, &conditions.index_terms, |labels| {
                    conditions.wants_stream(labels)
                })?;
            match query.direction {
                Direction::Forward => candidates.sort_unstable_by_key(|c| (c.first_ns, c.at.offset)),
                Direction::Backward => candidates.sort_unstable_by_key(|c| (!c.last_ns, c.at.offset)),
            }
            for candidate in &candidates {
                if visit(day, candidate).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn read(&self, day: &Day, candidate: &Candidate) -> Option<Block> {
        match day.read(candidate) {
            Ok(block) => Some(block),
            Err(why) => {
                (self.damaged)(why);
                None
            }
        }
    }
}

fn take_lines(block: &Block, direction: Direction, conditions: &Conditions<'_>, top: &mut Top) {
    let take = |line: crate::block::Line<'_>| {
        let rank = Rank::new(direction, line.timestamp_ns(), line.seq());
        if conditions.in_time(line.timestamp_ns())
            && top.wants(rank)
            && conditions.accept(line.text(), || line.extras())
        {
            top.push(rank, line.to_record());
        }
    };
    match direction {
        Direction::Forward => block.lines().for_each(take),
        Direction::Backward => block.lines().rev().for_each(take),
    }
}

/// The steps of a count.
struct Steps {
    start_ns: i64,
    step_ns: i64,
    counts: Vec<LogCount>,
}

impl Steps {
    fn new(start_ns: i64, end_ns: i64, step_ns: i64) -> Result<Steps, StoreError> {
        if step_ns <= 0 {
            return Err(StoreError::Invalid("step must be positive".to_owned()));
        }
        let span = i128::from(end_ns) - i128::from(start_ns);
        let steps = (span.max(0) + i128::from(step_ns) - 1) / i128::from(step_ns);
        if steps > i128::from(MAX_STEPS) {
            return Err(StoreError::Invalid(format!(
                "{steps} steps exceed the limit of {MAX_STEPS}: use a larger step or a shorter range"
            )));
        }
        let counts = (0..steps)
            .map_while(|i| i64::try_from(i128::from(start_ns) + i * i128::from(step_ns)).ok())
            .map(|start_ns| LogCount { start_ns, count: 0 })
            .collect();
        Ok(Steps {
            start_ns,
            step_ns,
            counts,
        })
    }

    fn step(&self, timestamp_ns: i64) -> i128 {
        (i128::from(timestamp_ns) - i128::from(self.start_ns)).div_euclid(i128::from(self.step_ns))
    }

    fn same(&self, one_ns: i64, other_ns: i64) -> bool {
        self.step(one_ns) == self.step(other_ns)
    }

    fn add(&mut self, timestamp_ns: i64, count: u64) {
        let step = usize::try_from(self.step(timestamp_ns)).ok();
        if let Some(step) = step.and_then(|i| self.counts.get_mut(i)) {
            step.count += count;
        }
    }
}
