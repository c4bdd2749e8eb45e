//! Native histograms with bounds of their own as the classic histograms that they came from.

use model::Histogram;
use model::histogram::{Counts, Span};

/// Each bound with how many observations are at or below it, the last of them infinity.
pub(super) fn cumulative(of: &Histogram) -> Vec<(f64, f64)> {
    let counts: Vec<f64> = match &of.counts {
        Counts::Integer(counts) => counts.positive.iter().map(|n| *n as f64).collect(),
        Counts::Float(counts) => counts.positive.clone(),
    };
    let mut buckets = indices(&of.positive_spans).zip(counts).peekable();
    let mut sum = 0.0;
    let mut found = Vec::with_capacity(of.custom_values.len() + 1);
    for (i, bound) in of.custom_values.iter().enumerate() {
        while let Some((_, count)) = buckets.next_if(|(index, _)| *index <= i as i64) {
            sum += count;
        }
        found.push((*bound, sum));
    }
    found.push((f64::INFINITY, of.counts.count()));
    found
}

/// The index of each bucket that the spans name.
fn indices(spans: &[Span]) -> impl Iterator<Item = i64> + '_ {
    let mut next = 0i64;
    spans.iter().flat_map(move |span| {
        let first = next + i64::from(span.offset);
        next = first + i64::from(span.length);
        first..next
    })
}

#[cfg(test)]
mod tests {
    use model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA};

    use super::*;

    #[test]
    fn buckets_that_are_left_out_count_nothing() {
        let histogram = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_values: vec![1.0, 2.0, 5.0, 10.0],
            positive_spans: vec![Span { offset: 1, length: 1 }, Span { offset: 1, length: 2 }],
            counts: Counts::Integer(Buckets {
                count: 9,
                positive: vec![2, 3, 4],
                ..Buckets::default()
            }),
            ..Histogram::stale()
        };
        let expected = [
            (1.0, 0.0),
            (2.0, 2.0),
            (5.0, 2.0),
            (10.0, 5.0),
            (f64::INFINITY, 9.0),
        ];
        assert_eq!(cumulative(&histogram), expected);
    }
}
