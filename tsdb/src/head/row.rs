//! A row: what one batch brought for one page at one time, as it came.
//!
//! 32 bytes and 8 a value; a row of one value, as series on their own have them, needs no further allocation.

use model::metrics::RefSample;

use super::page::slot_of;

/// One bit for each slot of the widest page.
pub(crate) type Slots = [u64; super::MAX_WIDTH / 64];

/// Which rows a reader sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible(Option<u32>);

impl Visible {
    /// All rows.
    pub(crate) const ALL: Visible = Visible(None);

    /// The rows of batches up to this one; `u64::MAX`: all.
    pub(crate) fn up_to(batch: u64) -> Visible {
        Visible((batch != u64::MAX).then_some(batch as u32))
    }

    /// Whether it is a row of those. Rows keep half of the batch's number: a memtable does not live for 2^31 batches.
    pub(crate) fn sees(self, row: &Row) -> bool {
        self.sees_batch(row.batch)
    }

    pub(crate) fn sees_batch(self, batch: u32) -> bool {
        self.0.is_none_or(|visible| visible.wrapping_sub(batch) < 1 << 31)
    }
}

#[derive(Debug)]
enum Words {
    One(u64),
    /// Where the row is masked, a bit for each slot of the span comes first; then the values' bits.
    Many(Box<[u64]>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) timestamp_ms: i64,
    words: Words,
    batch: u32,
    first: u16,
    /// Slots from the first to the last; the highest bit says that some between them have no value.
    span: u16,
}

const MASKED: u16 = 1 << 15;

impl Row {
    /// The row of samples of one time in rising slots, at least one.
    pub(crate) fn new(batch: u64, samples: &[RefSample]) -> Row {
        let first = samples.first().map_or(0, |s| slot_of(s.series));
        let last = samples.last().map_or(0, |s| slot_of(s.series));
        let span = last - first + 1;
        let words = match samples {
            [only] => Words::One(only.value.to_bits()),
            _ => {
                let masks = mask_words(samples.len(), span);
                let mut words = Vec::with_capacity(masks + samples.len());
                if masks > 0 {
                    words.resize(masks, 0);
                    for sample in samples {
                        set(&mut words, slot_of(sample.series) - first);
                    }
                }
                words.extend(samples.iter().map(|s| s.value.to_bits()));
                Words::Many(words.into_boxed_slice())
            }
        };
        Row {
            timestamp_ms: samples.first().map_or(0, |s| s.timestamp_ms),
            words,
            batch: batch as u32,
            first: first as u16,
            span: span as u16 | if samples.len() == span { 0 } else { MASKED },
        }
    }

    pub(crate) fn first(&self) -> usize {
        usize::from(self.first)
    }

    pub(crate) fn span(&self) -> usize {
        usize::from(self.span & !MASKED)
    }

    /// The mask, empty where every slot of the span has a value, and the values' bits.
    fn split(&self) -> (&[u64], &[u64]) {
        match &self.words {
            Words::One(bits) => (&[], std::slice::from_ref(bits)),
            Words::Many(words) if self.span & MASKED == 0 => (&[], words),
            Words::Many(words) => words
                .split_at_checked(self.span().div_ceil(64))
                .unwrap_or_default(),
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.split().1.len()
    }

    /// The bits of the slot's value, if it has one.
    pub(crate) fn value(&self, slot: usize) -> Option<u64> {
        let at = slot.checked_sub(self.first()).filter(|&at| at < self.span())?;
        let (mask, values) = self.split();
        if mask.is_empty() {
            return values.get(at).copied();
        }
        let word = mask.get(at / 64)?;
        if word >> (at % 64) & 1 == 0 {
            return None;
        }
        let below = word & ((1 << (at % 64)) - 1);
        let before: u32 = mask.iter().take(at / 64).map(|word| word.count_ones()).sum();
        values.get((before + below.count_ones()) as usize).copied()
    }

    /// The bits of the values of consecutive slots, if all of them have one and the row has no holes.
    pub(crate) fn values(&self, slots: std::ops::Range<usize>) -> Option<&[u64]> {
        let start = slots.start.checked_sub(self.first())?;
        match self.split() {
            ([], values) => values.get(start..start + slots.len()),
            _ => None,
        }
    }

    /// Adds the slots that have a value.
    pub(crate) fn add_slots(&self, slots: &mut Slots) {
        let (mask, values) = self.split();
        if mask.is_empty() {
            (0..values.len()).for_each(|at| set(slots, self.first() + at));
            return;
        }
        for at in (0..self.span()).filter(|at| has(mask, *at)) {
            set(slots, self.first() + at);
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Row>()
            + match &self.words {
                Words::One(_) => 0,
                Words::Many(words) => 8 * words.len(),
            }
    }
}

/// How many words a mask has over `span` slots of which `count` have a value.
fn mask_words(count: usize, span: usize) -> usize {
    if count == span { 0 } else { span.div_ceil(64) }
}

/// Sets a bit.
pub(crate) fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

/// Whether a bit is set.
pub(crate) fn has(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use model::metrics::SeriesRef;

    #[test]
    fn a_row_is_32_bytes() {
        assert_eq!(size_of::<Row>(), 32);
    }

    #[test]
    fn every_slot_gives_what_it_was_given() {
        let mut random = Random::new(7);
        for density in [1, 2, 5, 100] {
            for _ in 0..50 {
                let slots: Vec<u64> = (0..512).filter(|_| random.below(density) == 0).collect();
                if slots.is_empty() {
                    continue;
                }
                let samples: Vec<RefSample> = slots
                    .iter()
                    .map(|&slot| RefSample {
                        series: SeriesRef(slot),
                        timestamp_ms: 5,
                        value: slot as f64,
                    })
                    .collect();
                let row = Row::new(1, &samples);
                assert_eq!(row.len(), samples.len());
                let mut covered = Slots::default();
                row.add_slots(&mut covered);
                for slot in 0..512usize {
                    let expected = slots.contains(&(slot as u64)).then(|| (slot as f64).to_bits());
                    assert_eq!(row.value(slot), expected);
                    assert_eq!(has(&covered, slot), expected.is_some());
                }
            }
        }
    }

    #[test]
    fn half_of_a_batch_number_is_enough_to_compare() {
        let row = |batch| Row::new(batch, &[]);
        let visible = Visible::up_to(1 << 32);
        assert!(visible.sees(&row((1 << 32) - 1)) && visible.sees(&row(1 << 32)));
        assert!(!visible.sees(&row((1 << 32) + 1)));
        assert!(Visible::up_to(u64::MAX).sees(&row(77)));
    }
}
