//! Coarser schemas: each step joins two neighbours.

use super::merge::shift;
use super::{FloatHistogram, Side, cells};

impl FloatHistogram {
    /// Makes the schema as coarse as `schema`. Nothing happens where it is that coarse already, or where the buckets are
    /// custom.
    pub fn reduce_resolution(&mut self, schema: i8) {
        if self.has_custom_buckets() || self.schema <= schema {
            return;
        }
        let by = shift(self.schema, schema);
        self.positive = self.positive.coarser(by);
        self.negative = self.negative.coarser(by);
        self.schema = schema;
    }

    /// A copy that is as coarse as `schema`. A copy with a changed schema has no reset hint.
    #[must_use]
    pub fn copy_to_schema(&self, schema: i8) -> FloatHistogram {
        let mut copy = self.clone();
        if self.schema != schema {
            copy.reduce_resolution(schema);
            copy.reset_hint = model::histogram::CounterResetHint::Unknown;
        }
        copy
    }
}

impl Side {
    /// The buckets by a schema that is coarser by `shift`.
    pub(super) fn coarser(&self, shift: u32) -> Side {
        Side::collect(coarser(self.iter(), shift))
    }
}

/// Buckets by a schema that is coarser by `shift`.
pub(super) fn coarser(
    buckets: impl Iterator<Item = (i32, f64)>,
    shift: u32,
) -> impl Iterator<Item = (i32, f64)> {
    let mut buckets = buckets.peekable();
    std::iter::from_fn(move || {
        let (index, mut count) = buckets.next()?;
        let index = cells::coarser_index(index, shift);
        while let Some((_, more)) = buckets.next_if(|(i, _)| cells::coarser_index(*i, shift) == index) {
            count += more;
        }
        Some((index, count))
    })
}
