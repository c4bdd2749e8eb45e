//! What [`changed_since`](model::metrics::MetricStore::changed_since) answers from: the earliest time touched after
//! each revision, exactly, as long as the log is short enough.

use std::collections::VecDeque;

use model::metrics::Revision;

/// At most so many revisions are told apart. Beyond them the oldest merge and answer too early, never too late.
const MAX_CHANGES: usize = 4096;

/// Revisions with the earliest time that they or any later one touched: both rise from front to back, for whatever
/// touched a later time before an earlier one is touched again says nothing any more.
#[derive(Debug, Default, Clone)]
pub(super) struct Changes {
    last: u64,
    log: VecDeque<(u64, i64)>,
}

impl Changes {
    /// How far writing has come.
    pub(super) fn revision(&self) -> Revision {
        Revision(self.last)
    }

    /// Something at `timestamp_ms` came or went. Amortised constant time.
    pub(super) fn note(&mut self, timestamp_ms: i64) {
        self.last += 1;
        while self
            .log
            .back()
            .is_some_and(|(_, earliest)| *earliest >= timestamp_ms)
        {
            self.log.pop_back();
        }
        self.log.push_back((self.last, timestamp_ms));
        if self.log.len() > MAX_CHANGES
            && let (Some((_, earliest)), Some(next)) = (self.log.pop_front(), self.log.front_mut())
        {
            next.1 = earliest;
        }
    }

    /// The earliest time touched after `revision`.
    pub(super) fn since(&self, revision: Revision) -> Option<i64> {
        let known = self.log.partition_point(|(at, _)| *at <= revision.0);
        self.log.get(known).map(|(_, earliest)| *earliest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_time_after_a_revision() {
        let mut changes = Changes::default();
        assert_eq!(changes.since(changes.revision()), None);
        let mut revisions = vec![changes.revision()];
        for time in [10, 20, 15, 30, 30] {
            changes.note(time);
            revisions.push(changes.revision());
        }
        let since: Vec<Option<i64>> = revisions.iter().map(|r| changes.since(*r)).collect();
        assert_eq!(since, [Some(10), Some(15), Some(15), Some(30), Some(30), None]);
    }

    #[test]
    fn a_long_log_answers_too_early_rather_than_too_late() {
        let mut changes = Changes::default();
        let first = changes.revision();
        changes.note(0);
        let second = changes.revision();
        for time in 1..=2 * MAX_CHANGES as i64 {
            changes.note(time);
        }
        assert!(changes.log.len() <= MAX_CHANGES);
        assert_eq!(changes.since(first), Some(0));
        assert!(changes.since(second).is_some_and(|t| t <= 1));
        assert_eq!(changes.since(changes.revision()), None);
    }
}
