//! The start timestamps of a page's counters: changes only, 24 bytes each.

use model::Starts;

/// Slot, the time of the first sample that has the start, and the start; sorted, see [`Starts`].
#[derive(Debug, Default)]
pub(crate) struct PageStarts(Vec<(u16, i64, i64)>);

impl PageStarts {
    /// Says that samples of the slot from `from_ms` on have this start; whether that is new. Changes that come after
    /// later ones are dropped.
    pub(crate) fn push(&mut self, slot: usize, from_ms: i64, start_ms: i64) -> bool {
        let slot = slot as u16;
        let end = self.0.partition_point(|(other, _, _)| *other <= slot);
        let last = end.checked_sub(1).and_then(|at| self.0.get_mut(at));
        match last.filter(|(other, _, _)| *other == slot) {
            Some((_, from, start)) => {
                if *start == start_ms || *from > from_ms {
                    return false;
                }
                if *from == from_ms {
                    *start = start_ms;
                    return true;
                }
            }
            None if start_ms == Starts::UNKNOWN => return false,
            None => {}
        }
        self.0.insert(end, (slot, from_ms, start_ms));
        true
    }

    /// Appends what holds for the slot's samples between two times.
    pub(crate) fn read(&self, slot: usize, start_ms: i64, end_ms: i64, into: &mut Starts) {
        let slot = slot as u16;
        let from = self.0.partition_point(|(other, _, _)| *other < slot);
        let of_slot = self.0.get(from..).unwrap_or_default();
        let mut starts = Starts::default();
        for (_, from, start) in of_slot.iter().take_while(|(other, _, _)| *other == slot) {
            starts.push(*from, *start);
        }
        starts.copy_range(start_ms, end_ms, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_keeps_its_changes() {
        let mut starts = PageStarts::default();
        let calls = [
            (3, 10, 5, true),
            (1, 10, 6, true),
            (3, 20, 5, false),
            (3, 30, 25, true),
            (1, 9, 2, false),
            (1, 10, 7, true),
            (2, 10, 0, false),
        ];
        for (slot, from, start, changed) in calls {
            assert_eq!(starts.push(slot, from, start), changed, "{slot} {from} {start}");
        }
        let read = |slot| {
            let mut into = Starts::default();
            starts.read(slot, i64::MIN, i64::MAX, &mut into);
            into.changes().to_vec()
        };
        assert_eq!(read(1), [(10, 7)]);
        assert_eq!(read(2), []);
        assert_eq!(read(3), [(10, 5), (30, 25)]);
    }
}
