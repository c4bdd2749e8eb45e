//! The spread of the observations, as far as buckets tell.

use super::{Bucket, FloatHistogram};
use crate::numeric::KahanSum;

impl FloatHistogram {
    /// The estimated population variance: every observation is taken to be at the middle of its bucket, which is the
    /// geometric mean of the bounds of an exponential bucket, zero for the zero bucket and the arithmetic mean of custom
    /// bounds.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let mut sum = KahanSum::default();
        for bucket in self.buckets().filter(|b| b.count != 0.0) {
            let delta = self.middle(&bucket) - mean;
            sum.add(bucket.count * delta * delta);
        }
        (sum.sum + sum.c) / self.count
    }

    fn middle(&self, bucket: &Bucket) -> f64 {
        if self.has_custom_buckets() {
            return (bucket.upper + bucket.lower) / 2.0;
        }
        if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            return 0.0;
        }
        let middle = (bucket.upper * bucket.lower).sqrt();
        if bucket.upper < 0.0 { -middle } else { middle }
    }
}
