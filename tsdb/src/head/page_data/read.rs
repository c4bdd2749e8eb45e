//! What readers ask of a page: which of its series have samples, all of these, or the newest.

use std::cmp::Reverse;

use model::metrics::Samples;

use super::{PageData, sort_from};
use crate::bytes::Malformed;
use crate::head::memtable::Newest;
use crate::head::row::{Row, Slots, Visible, has, set};
use crate::head::run::{Run, Scratch};

impl PageData {
    /// Whether something lies in the range.
    pub(crate) fn meets(&self, start_ms: i64, end_ms: i64) -> bool {
        self.newest_ms >= start_ms && self.oldest_ms <= end_ms
            || self
                .histograms
                .as_ref()
                .is_some_and(|histograms| histograms.meets(start_ms, end_ms))
    }

    /// Adds the slots that have samples.
    pub(crate) fn add_slots(&self, slots: &mut Slots) {
        self.rows.iter().for_each(|row| row.add_slots(slots));
        self.runs.iter().for_each(|run| run.add_slots(slots));
        self.histograms
            .iter()
            .for_each(|histograms| histograms.add_slots(slots));
    }

    /// Which of some slots have a visible sample in the range.
    pub(crate) fn present(
        &self,
        wanted: &Slots,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
        scratch: &mut Scratch,
    ) -> Result<Slots, Malformed> {
        let mut found = Slots::default();
        // The newest rows first: as a rule one of them says it all.
        for row in self.rows_within(visible, start_ms, end_ms).rev() {
            row.add_slots(&mut found);
            if missing(wanted, &found).next().is_none() {
                break;
            }
        }
        let meets = |run: &&Run| run.min_ms() <= end_ms && run.max_ms() >= start_ms;
        for run in self.runs.iter().filter(meets) {
            for slot in missing(wanted, &found.clone()) {
                if run.last_between(slot, start_ms, end_ms, scratch)?.is_some() {
                    set(&mut found, slot);
                }
            }
        }
        if let Some(histograms) = &self.histograms {
            for slot in missing(wanted, &found.clone()) {
                if histograms.has(slot, visible, start_ms, end_ms)? {
                    set(&mut found, slot);
                }
            }
        }
        found
            .iter_mut()
            .zip(wanted)
            .for_each(|(found, wanted)| *found &= wanted);
        Ok(found)
    }

    fn rows_within(
        &self,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
    ) -> impl DoubleEndedIterator<Item = &Row> {
        let within = move |row: &&Row| (start_ms..=end_ms).contains(&row.timestamp_ms) && visible.sees(row);
        self.rows.iter().filter(within)
    }

    /// Sets `newest` to the newest visible sample in the range of each of some slots, as far as they have only floats without
    /// start timestamps: whoever finds nothing there reads the series.
    pub(crate) fn newest(
        &self,
        slots: &[u16],
        visible: Visible,
        (start_ms, end_ms): (i64, i64),
        scratch: &mut Scratch,
        newest: &mut [Newest],
    ) -> Result<(), Malformed> {
        if self.histograms.is_some() || self.starts.is_some() {
            return Ok(());
        }
        let mut rows: Vec<&Row> = self.rows_within(visible, start_ms, end_ms).collect();
        // Stable: of several at one time the first counts.
        rows.sort_by_key(|row| Reverse(row.timestamp_ms));
        let mut missing: Vec<usize> = (0..slots.len().min(newest.len())).collect();
        for row in rows {
            missing.retain(|&at| {
                let bits = row.value(usize::from(slots[at]));
                newest[at] = bits.map(|bits| (row.timestamp_ms, f64::from_bits(bits)));
                bits.is_none()
            });
            if missing.is_empty() {
                break;
            }
        }
        // What came late is in a row although it is old.
        let mut found = Samples::default();
        let meets = |run: &&Run| run.min_ms() <= end_ms && run.max_ms() >= start_ms;
        for run in self.runs.iter().filter(meets) {
            for (&slot, newest) in slots.iter().zip(&mut *newest) {
                let from_ms = newest.map_or(start_ms, |(ms, _)| ms.saturating_add(1));
                if run.max_ms() < from_ms {
                    continue;
                }
                found.clear();
                run.read(usize::from(slot), from_ms, end_ms, scratch, &mut found)?;
                let last = found.timestamps.last().zip(found.values.last());
                *newest = last.map(|(ms, value)| (*ms, *value)).or(*newest);
            }
        }
        Ok(())
    }

    /// Appends the slot's visible samples of the range, in order of time.
    pub(crate) fn read(
        &self,
        slot: usize,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
        scratch: &mut Scratch,
        into: &mut Samples,
    ) -> Result<(), Malformed> {
        let from = into.timestamps.len();
        for run in &self.runs {
            run.read(slot, start_ms, end_ms, scratch, into)?;
        }
        for row in &self.rows {
            if (start_ms..=end_ms).contains(&row.timestamp_ms)
                && visible.sees(row)
                && let Some(bits) = row.value(slot)
            {
                into.push(row.timestamp_ms, f64::from_bits(bits));
            }
        }
        sort_from(into, from);
        if let Some(starts) = &self.starts {
            starts.read(slot, start_ms, end_ms, &mut into.starts);
        }
        match &self.histograms {
            Some(histograms) => histograms.read(slot, visible, start_ms, end_ms, &mut into.histograms),
            None => Ok(()),
        }
    }
}

/// The slots of one set that are not in another.
fn missing(wanted: &Slots, found: &Slots) -> impl Iterator<Item = usize> {
    let words: Slots = std::array::from_fn(|word| wanted[word] & !found[word]);
    (0..words.len() * 64).filter(move |&slot| has(&words, slot))
}
