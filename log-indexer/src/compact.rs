//! The plan of a cut: which lines of a head go together into which block. Pure.
//!
//! By day (UTC) of the line's time, then by stream, sorted by time and arrival, closed at the target size. Cost: one
//! sort of references a stream and day.

use std::collections::BTreeMap;

use model::Labels;

use crate::day::day_of;
use crate::head::{Entry, Head};

/// The lines of one block.
pub(crate) struct PlannedBlock<'a> {
    pub(crate) stream: &'a Labels,
    pub(crate) lines: Vec<&'a Entry>,
}

/// The blocks of each day, in the order of their first line.
pub(crate) fn plan(head: &Head, block_bytes: usize) -> BTreeMap<i64, Vec<PlannedBlock<'_>>> {
    let mut days: BTreeMap<i64, Vec<PlannedBlock<'_>>> = BTreeMap::new();
    for (labels, stream) in head.streams() {
        let mut lines: Vec<&Entry> = stream.runs.iter().flat_map(|run| run.iter()).collect();
        lines.sort_unstable_by_key(|e| (e.timestamp_ns, e.seq));
        for (day, block) in split(&lines, block_bytes) {
            days.entry(day).or_default().push(PlannedBlock {
                stream: labels,
                lines: block.to_vec(),
            });
        }
    }
    for blocks in days.values_mut() {
        blocks.sort_by_key(|b| b.lines.first().map(|e| (e.timestamp_ns, e.seq)));
    }
    days
}

/// Cuts sorted lines where the day changes or the block is full.
fn split<'a, 'b>(lines: &'b [&'a Entry], block_bytes: usize) -> Vec<(i64, &'b [&'a Entry])> {
    let mut blocks = Vec::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let day = day_of(first.timestamp_ns);
        let mut bytes = 0;
        let taken = rest
            .iter()
            .take_while(|e| {
                let fits = bytes < block_bytes && day_of(e.timestamp_ns) == day;
                bytes += e.stored_bytes();
                fits
            })
            .count();
        let (block, tail) = rest.split_at(taken.max(1));
        blocks.push((day, block));
        rest = tail;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Extras;
    use crate::day::DAY_NS;

    #[test]
    fn blocks_end_at_midnight_and_when_full() {
        let entry = |timestamp_ns, seq| Entry {
            timestamp_ns,
            seq,
            line: "0123456789".into(),
            extras: Extras::default(),
        };
        let mut head = Head::default();
        let run = vec![
            entry(DAY_NS, 0),
            entry(5, 1),
            entry(5, 2),
            entry(4, 3),
            entry(-1, 4),
        ];
        head.insert(Labels::empty(), run.into(), 0);
        let days = plan(&head, 20);
        let shape: Vec<(i64, Vec<Vec<u64>>)> = days
            .iter()
            .map(|(day, blocks)| {
                let seqs = |b: &PlannedBlock<'_>| b.lines.iter().map(|e| e.seq).collect();
                (*day, blocks.iter().map(seqs).collect())
            })
            .collect();
        assert_eq!(
            shape,
            [
                (-1, vec![vec![4]]),
                (0, vec![vec![3, 1], vec![2]]),
                (1, vec![vec![0]])
            ]
        );
    }
}
