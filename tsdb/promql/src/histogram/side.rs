//! The buckets on one side of zero: runs of neighbours, and a count for each bucket of the runs.

use model::histogram::Span;

/// The buckets on one side of zero.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Where the buckets are: runs of neighbours.
    pub spans: Vec<Span>,
    /// One absolute count for each bucket of the spans.
    pub buckets: Vec<f64>,
}

impl Side {
    /// Whether there is no bucket, not even an empty one.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The buckets by rising index.
    pub fn iter(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        indexes(&self.spans).zip(self.buckets.iter().copied())
    }

    /// The buckets by falling index.
    pub fn iter_rev(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        let end = self.spans.iter().fold(0_i32, |at, span| {
            at.wrapping_add(span.offset).wrapping_add_unsigned(span.length)
        });
        let mut at = end;
        let indexes = self.spans.iter().rev().flat_map(move |span| {
            let end = at;
            at = at.wrapping_sub_unsigned(span.length);
            let start = at;
            at = at.wrapping_sub(span.offset);
            (start..end).rev()
        });
        indexes.zip(self.buckets.iter().rev().copied())
    }

    /// Appends a bucket; its index must be higher than those before.
    pub(super) fn push(&mut self, index: i32, count: f64, next: &mut i32) {
        match self.spans.last_mut() {
            Some(span) if *next == index => span.length += 1,
            None => self.spans.push(Span {
                offset: index,
                length: 1,
            }),
            Some(_) => self.spans.push(Span {
                offset: index.wrapping_sub(*next),
                length: 1,
            }),
        }
        self.buckets.push(count);
        *next = index.wrapping_add(1);
    }

    /// One with these buckets, by rising index.
    pub(super) fn collect(buckets: impl IntoIterator<Item = (i32, f64)>) -> Side {
        let mut side = Side::default();
        let mut next = 0;
        for (index, count) in buckets {
            side.push(index, count, &mut next);
        }
        side
    }

    /// See [`FloatHistogram::compact`](super::FloatHistogram::compact).
    pub(super) fn compact(&mut self, max_empty: u32) {
        let dense = self.buckets.iter().all(|count| *count != 0.0);
        if dense
            && self
                .spans
                .iter()
                .all(|s| s.length > 0 && i64::from(s.offset) > i64::from(max_empty))
        {
            return;
        }
        let mut compacted = Side::default();
        compacted.buckets.reserve(self.buckets.len());
        let mut next = 0;
        for (index, count) in self.iter().filter(|(_, count)| *count != 0.0) {
            let gap = index.wrapping_sub(next);
            if !compacted.is_empty() && i64::from(gap) <= i64::from(max_empty) {
                let gap = next..index;
                for empty in gap {
                    compacted.push(empty, 0.0, &mut next);
                }
            }
            compacted.push(index, count, &mut next);
        }
        *self = compacted;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.buckets.capacity() * size_of::<f64>()
    }
}

/// The index of every bucket of the spans.
pub(super) fn indexes(spans: &[Span]) -> impl Iterator<Item = i32> + '_ {
    let mut at = 0_i32;
    spans.iter().flat_map(move |span| {
        let start = at.wrapping_add(span.offset);
        at = start.wrapping_add_unsigned(span.length);
        start..at
    })
}

impl Side {
    /// Whether the buckets of both are in the same places, cut into the same runs.
    pub(super) fn same_places(&self, other: &Side) -> bool {
        self.spans == other.spans && self.buckets.len() == other.buckets.len()
    }
}
