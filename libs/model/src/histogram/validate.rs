//! Which histograms may be stored: Prometheus' rules, and bounds on their size.

use super::{Buckets, Counts, EXPONENTIAL_SCHEMAS, Histogram, MAX_BUCKETS, MAX_SPANS, Span};

/// Why a histogram is refused. The text says it to whoever sent the histogram.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidHistogram {
    /// Neither exponential nor custom.
    #[error("histogram schema {0} is neither between -4 and 8 nor -53 (custom buckets)")]
    UnknownSchema(i8),
    /// A bound on its size.
    #[error("histogram has more than {limit} {what}")]
    TooLarge {
        /// `buckets`, `spans` or `custom bounds`.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Spans would overlap, or custom buckets begin before the first.
    #[error("histogram has a span whose offset is negative: span {span}, offset {offset}")]
    NegativeOffset {
        /// Counted from 1.
        span: usize,
        /// Its offset.
        offset: i32,
    },
    /// Spans reach further than any index.
    #[error("histogram has spans whose bucket indexes do not fit 32 bits")]
    IndexOverflow,
    /// Spans and counts speak of different numbers of buckets.
    #[error("histogram spans need {needed} buckets, have {found}")]
    BucketsMismatch {
        /// By the spans.
        needed: usize,
        /// By the counts.
        found: usize,
    },
    /// A float count below zero.
    #[error("histogram has {what} whose observation count is negative: {count}")]
    NegativeCount {
        /// `a bucket`, `a zero bucket` or `a total`.
        what: &'static str,
        /// It.
        count: f64,
    },
    /// The total is less than what lies in the buckets although observations that are NaN may only add to it.
    #[error(
        "histogram's observation count is {count}, its buckets hold {in_buckets}: with a sum that is NaN it must be at least that"
    )]
    CountTooSmall {
        /// The total said.
        count: u64,
        /// The total found.
        in_buckets: u128,
    },
    /// The total is not what lies in the buckets.
    #[error("histogram's observation count is {count}, its buckets hold {in_buckets}")]
    CountMismatch {
        /// The total said.
        count: u64,
        /// The total found.
        in_buckets: u128,
    },
    /// An exponential histogram has bounds.
    #[error("histogram with exponential buckets has custom bounds")]
    BoundsOfExponential,
    /// A histogram with custom buckets has a zero bucket, a zero threshold or negative buckets.
    #[error("histogram with custom buckets has {0}")]
    NotForCustomBuckets(&'static str),
    /// Bounds of custom buckets must be numbers that rise.
    #[error("histogram has custom bounds that do not rise: {0}")]
    BoundsNotRising(String),
    /// Infinity is the bound of the last bucket without being said.
    #[error("histogram has a custom bound of +Inf, which must not be given")]
    InfiniteBound,
    /// Spans name buckets that have no bounds.
    #[error("histogram has {bounds} custom bounds, its spans reach over {reach} buckets")]
    TooFewBounds {
        /// Bounds given.
        bounds: usize,
        /// Buckets the spans reach over.
        reach: u64,
    },
}

impl Histogram {
    /// Whether a store may take it: the rules of Prometheus' `Histogram.Validate` and `FloatHistogram.Validate`, and the
    /// bounds of this module.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn validate(&self) -> Result<(), InvalidHistogram> {
        self.check_size()?;
        if self.has_custom_buckets() {
            self.check_custom()?;
        } else if !EXPONENTIAL_SCHEMAS.contains(&self.schema) {
            return Err(InvalidHistogram::UnknownSchema(self.schema));
        } else if !self.custom_values.is_empty() {
            return Err(InvalidHistogram::BoundsOfExponential);
        }
        let (positive, negative) = match &self.counts {
            Counts::Integer(b) => (b.positive.len(), b.negative.len()),
            Counts::Float(b) => (b.positive.len(), b.negative.len()),
        };
        check_spans(&self.negative_spans, negative, self.has_custom_buckets())?;
        let reach = check_spans(&self.positive_spans, positive, self.has_custom_buckets())?;
        if self.has_custom_buckets() && reach > self.custom_values.len() as u64 + 1 {
            return Err(InvalidHistogram::TooFewBounds {
                bounds: self.custom_values.len(),
                reach,
            });
        }
        match &self.counts {
            Counts::Integer(buckets) => check_integers(buckets, self.sum),
            Counts::Float(buckets) => check_floats(buckets),
        }
    }

    fn check_size(&self) -> Result<(), InvalidHistogram> {
        let (positive, negative) = match &self.counts {
            Counts::Integer(b) => (b.positive.len(), b.negative.len()),
            Counts::Float(b) => (b.positive.len(), b.negative.len()),
        };
        let too_large = |what, limit| Err(InvalidHistogram::TooLarge { what, limit });
        if positive.max(negative) > MAX_BUCKETS {
            return too_large("buckets", MAX_BUCKETS);
        }
        if self.positive_spans.len().max(self.negative_spans.len()) > MAX_SPANS {
            return too_large("spans", MAX_SPANS);
        }
        if self.custom_values.len() > MAX_SPANS {
            return too_large("custom bounds", MAX_SPANS);
        }
        Ok(())
    }

    fn check_custom(&self) -> Result<(), InvalidHistogram> {
        let (zero_count, negative) = match &self.counts {
            Counts::Integer(b) => (b.zero_count != 0, !b.negative.is_empty()),
            Counts::Float(b) => (b.zero_count != 0.0, !b.negative.is_empty()),
        };
        if zero_count {
            return Err(InvalidHistogram::NotForCustomBuckets("a zero count"));
        }
        if self.zero_threshold != 0.0 {
            return Err(InvalidHistogram::NotForCustomBuckets("a zero threshold"));
        }
        if negative || !self.negative_spans.is_empty() {
            return Err(InvalidHistogram::NotForCustomBuckets("negative buckets"));
        }
        let mut before = f64::NEG_INFINITY;
        for &bound in &self.custom_values {
            if bound.is_nan() || bound <= before {
                return Err(InvalidHistogram::BoundsNotRising(format!(
                    "{before}, then {bound}"
                )));
            }
            before = bound;
        }
        if before == f64::INFINITY {
            return Err(InvalidHistogram::InfiniteBound);
        }
        Ok(())
    }
}

/// Checks one side's spans against its number of buckets; gives how far they reach from index 0.
fn check_spans(spans: &[Span], buckets: usize, custom: bool) -> Result<u64, InvalidHistogram> {
    let mut needed = 0usize;
    let mut end = 0i64;
    for (i, span) in spans.iter().enumerate() {
        if span.offset < 0 && (i > 0 || custom) {
            return Err(InvalidHistogram::NegativeOffset {
                span: i + 1,
                offset: span.offset,
            });
        }
        needed = needed.saturating_add(span.length as usize);
        end += i64::from(span.offset) + i64::from(span.length);
        if i32::try_from(end).is_err() {
            return Err(InvalidHistogram::IndexOverflow);
        }
    }
    if needed != buckets {
        return Err(InvalidHistogram::BucketsMismatch {
            needed,
            found: buckets,
        });
    }
    Ok(u64::try_from(end).unwrap_or(0))
}

fn check_integers(buckets: &Buckets<u64>, sum: f64) -> Result<(), InvalidHistogram> {
    let all = buckets.positive.iter().chain(&buckets.negative);
    let in_buckets = all.fold(u128::from(buckets.zero_count), |sum, &n| sum + u128::from(n));
    let count = buckets.count;
    // An observation of NaN is in no bucket and makes the sum NaN.
    if sum.is_nan() && in_buckets > u128::from(count) {
        return Err(InvalidHistogram::CountTooSmall { count, in_buckets });
    }
    if !sum.is_nan() && in_buckets != u128::from(count) {
        return Err(InvalidHistogram::CountMismatch { count, in_buckets });
    }
    Ok(())
}

/// Floats are not added up: rounding would refuse what arithmetic made in good faith.
fn check_floats(buckets: &Buckets<f64>) -> Result<(), InvalidHistogram> {
    let negative = |what, count| Err(InvalidHistogram::NegativeCount { what, count });
    if buckets.zero_count < 0.0 {
        return negative("a zero bucket", buckets.zero_count);
    }
    if buckets.count < 0.0 {
        return negative("a total", buckets.count);
    }
    let mut all = buckets.positive.iter().chain(&buckets.negative);
    match all.find(|count| **count < 0.0) {
        Some(&count) => negative("a bucket", count),
        None => Ok(()),
    }
}
