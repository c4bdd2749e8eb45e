//! Native histograms, with the bounds of each bucket that something fell into.

use promql::{Bucket, FloatHistogram};

use super::pen::Pen;
use super::{quoted_float, separated, timestamp};

/// A histogram behind its time.
pub(super) fn point(pen: &mut Pen, ms: i64, value: &FloatHistogram) {
    pen.text("[");
    timestamp(pen, ms);
    pen.text(",");
    histogram(pen, value);
    pen.text("]");
}

/// `{"count":"3","sum":"1.5","buckets":[[0,"0.5","1","3"]]}`: of a bucket which bounds belong to it, the bounds, the count.
fn histogram(pen: &mut Pen, histogram: &FloatHistogram) {
    pen.text(r#"{"count":"#);
    quoted_float(pen, histogram.count);
    pen.text(r#","sum":"#);
    quoted_float(pen, histogram.sum);
    let mut buckets = histogram
        .buckets()
        .filter(|bucket| bucket.count != 0.0)
        .peekable();
    if buckets.peek().is_some() {
        pen.text(r#","buckets":["#);
        separated(pen, buckets, bucket);
        pen.text("]");
    }
    pen.text("}");
}

fn bucket(pen: &mut Pen, bucket: Bucket) {
    pen.text(match (bucket.lower_inclusive, bucket.upper_inclusive) {
        (false, true) => "[0,",
        (true, false) => "[1,",
        (false, false) => "[2,",
        (true, true) => "[3,",
    });
    separated(pen, [bucket.lower, bucket.upper, bucket.count], quoted_float);
    pen.text("]");
}
