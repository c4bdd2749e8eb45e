//! Equality as PromQL's `==` has it.

use super::{FloatHistogram, Side};

impl PartialEq for FloatHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
            && same_bits(self.count, other.count)
            && same_bits(self.sum, other.sum)
            && self.zero_threshold == other.zero_threshold
            && same_bits(self.zero_count, other.zero_count)
            && (!self.has_custom_buckets() || self.same_bounds(other))
            && self.positive == other.positive
            && self.negative == other.negative
    }
}

impl FloatHistogram {
    /// Whether both have the same custom bounds.
    pub(super) fn same_bounds(&self, other: &FloatHistogram) -> bool {
        std::sync::Arc::ptr_eq(&self.custom_values, &other.custom_values)
            || self.custom_values == other.custom_values
    }
}

impl PartialEq for Side {
    /// Bitwise equal counts in the same buckets, however these are cut into runs.
    fn eq(&self, other: &Self) -> bool {
        let same = |((i, x), (j, y)): ((i32, f64), (i32, f64))| i == j && same_bits(x, y);
        self.buckets.len() == other.buckets.len() && self.iter().zip(other.iter()).all(same)
    }
}

fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}
