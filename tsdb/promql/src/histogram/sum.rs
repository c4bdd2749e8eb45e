//! Sums and means over many histograms, with what rounding takes kept beside them (Kahan's summation in Neumaier's
//! variant), so that the order in which they come hardly matters.

use model::histogram::CounterResetHint;

use super::merge::Errors;
use super::{FloatHistogram, MergeNotes, MixedSchemas};

/// A sum over histograms.
#[derive(Debug, Clone)]
pub struct HistogramSum {
    value: FloatHistogram,
    errors: Errors,
    notes: MergeNotes,
    seen: SeenHints,
}

/// Which contradicting hints have come.
#[derive(Debug, Clone, Copy, Default)]
struct SeenHints {
    reset: bool,
    no_reset: bool,
}

impl SeenHints {
    fn see(&mut self, hint: CounterResetHint) {
        self.reset |= hint == CounterResetHint::Reset;
        self.no_reset |= hint == CounterResetHint::NoReset;
    }
}

impl HistogramSum {
    /// The sum of one.
    pub fn new(first: &FloatHistogram) -> HistogramSum {
        let mut seen = SeenHints::default();
        seen.see(first.reset_hint);
        HistogramSum {
            errors: Errors::of(first),
            value: first.clone(),
            notes: MergeNotes::default(),
            seen,
        }
    }

    /// Adds one more.
    ///
    /// # Errors
    /// Some have custom buckets and others have not.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<(), MixedSchemas> {
        self.seen.see(other.reset_hint);
        let notes = self.value.merge_with_errors(other, 1.0, &mut self.errors)?;
        self.notes.bounds_reconciled |= notes.bounds_reconciled;
        self.notes.reset_collision = self.seen.reset && self.seen.no_reset;
        Ok(())
    }

    /// What a reader of the sum should know.
    pub fn notes(&self) -> MergeNotes {
        self.notes
    }

    /// The sum, compacted.
    pub fn total(mut self) -> FloatHistogram {
        self.settle();
        self.value
    }

    fn multiply(&mut self, factor: f64) {
        self.value.multiply(factor);
        self.errors.each_number(|x| *x *= factor);
    }

    fn divide(&mut self, divisor: f64) {
        self.value.divide(divisor);
        self.errors.each_number(|x| *x /= divisor);
    }

    /// Adds the errors to the numbers that they belong to.
    fn settle(&mut self) {
        let (value, errors) = (&mut self.value, &self.errors);
        value.zero_count += errors.zero_count;
        value.count += errors.count;
        value.sum += errors.sum;
        let positive = value.positive.buckets.iter_mut().zip(&errors.positive);
        let negative = value.negative.buckets.iter_mut().zip(&errors.negative);
        positive.chain(negative).for_each(|(x, error)| *x += error);
        value.compact(0);
    }

    /// Whether adding `other` could give an infinity.
    fn might_overflow(&self, other: &FloatHistogram) -> bool {
        let large = |x: &f64| x.abs() > f64::MAX / LARGEST_MERGE;
        [&self.value, other].into_iter().any(|h| {
            let sides = h.positive.buckets.iter().chain(&h.negative.buckets);
            [h.zero_count, h.count, h.sum].iter().chain(sides).any(large)
        })
    }
}

/// A mean over histograms: of their sum as long as floats can say it, and running from there on.
#[derive(Debug, Clone)]
pub struct HistogramMean {
    sum: HistogramSum,
    count: f64,
    running: bool,
}

impl HistogramMean {
    /// The mean of one.
    pub fn new(first: &FloatHistogram) -> HistogramMean {
        HistogramMean {
            sum: HistogramSum::new(first),
            count: 1.0,
            running: false,
        }
    }

    /// Takes one more into account.
    ///
    /// # Errors
    /// Some have custom buckets and others have not.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<(), MixedSchemas> {
        self.count += 1.0;
        if !self.running {
            if !self.sum.might_overflow(other) {
                return self.sum.add(other);
            }
            let mut tried = self.sum.clone();
            tried.add(other)?;
            if !tried.value.has_overflow() {
                self.sum = tried;
                return Ok(());
            }
            self.running = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.multiply((self.count - 1.0) / self.count);
        let mut part = other.clone();
        part.divide(self.count);
        self.sum.add(&part)
    }

    /// What a reader of the mean should know.
    pub fn notes(&self) -> MergeNotes {
        self.sum.notes()
    }

    /// The mean, compacted.
    pub fn total(mut self) -> FloatHistogram {
        if !self.running {
            self.sum.divide(self.count);
        }
        self.sum.total()
    }
}

/// More buckets than this never become one in a single step.
const LARGEST_MERGE: f64 = 65536.0;
