//! Between the histogram that is stored and the one that is computed with.

use std::sync::Arc;

use model::Histogram;
use model::histogram::{Buckets, Counts};

use super::{FloatHistogram, Side};

impl From<&Histogram> for FloatHistogram {
    fn from(from: &Histogram) -> FloatHistogram {
        FloatHistogram::with_bounds(from, Arc::from(from.custom_values.as_slice()))
    }
}

impl FloatHistogram {
    /// As `from`, sharing the custom bounds with `before` where they are the same: samples of a series mostly have the
    /// same bounds, and to know that by their address spares comparing them.
    pub fn following(from: &Histogram, before: &FloatHistogram) -> FloatHistogram {
        if *before.custom_values == *from.custom_values {
            FloatHistogram::with_bounds(from, Arc::clone(&before.custom_values))
        } else {
            FloatHistogram::from(from)
        }
    }

    #[allow(clippy::cast_precision_loss)] // counts above 2^53 lose what no quantile would show
    fn with_bounds(from: &Histogram, custom_values: Arc<[f64]>) -> FloatHistogram {
        let floats = |counts: &[u64]| counts.iter().map(|n| *n as f64).collect();
        let (zero_count, count, positive, negative) = match &from.counts {
            Counts::Integer(b) => (
                b.zero_count as f64,
                b.count as f64,
                floats(&b.positive),
                floats(&b.negative),
            ),
            Counts::Float(b) => (b.zero_count, b.count, b.positive.clone(), b.negative.clone()),
        };
        FloatHistogram {
            schema: from.schema,
            reset_hint: from.reset_hint,
            zero_threshold: from.zero_threshold,
            zero_count,
            count,
            sum: from.sum,
            positive: Side {
                spans: from.positive_spans.clone(),
                buckets: positive,
            },
            negative: Side {
                spans: from.negative_spans.clone(),
                buckets: negative,
            },
            custom_values,
        }
    }
}

impl From<&FloatHistogram> for Histogram {
    fn from(from: &FloatHistogram) -> Histogram {
        Histogram {
            schema: from.schema,
            reset_hint: from.reset_hint,
            zero_threshold: from.zero_threshold,
            sum: from.sum,
            positive_spans: from.positive.spans.clone(),
            negative_spans: from.negative.spans.clone(),
            custom_values: from.custom_values.to_vec(),
            counts: Counts::Float(Buckets {
                count: from.count,
                zero_count: from.zero_count,
                positive: from.positive.buckets.clone(),
                negative: from.negative.buckets.clone(),
            }),
        }
    }
}
