use model::histogram::Span;

use super::*;

/// One with schema 0 and these positive buckets from index `offset` on.
fn positive(offset: i32, buckets: &[f64]) -> FloatHistogram {
    FloatHistogram {
        count: buckets.iter().sum(),
        positive: side(offset, buckets),
        ..FloatHistogram::default()
    }
}

fn side(offset: i32, buckets: &[f64]) -> Side {
    Side {
        spans: vec![Span {
            offset,
            length: u32::try_from(buckets.len()).unwrap(),
        }],
        buckets: buckets.to_vec(),
    }
}

fn custom(bounds: &[f64], buckets: &[f64]) -> FloatHistogram {
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        custom_values: bounds.into(),
        ..positive(0, buckets)
    }
}

#[test]
fn buckets_cover_what_the_schema_says() {
    let upper = |index, schema| bounds::exponential(index, schema);
    assert_eq!([-1, 0, 1, 2].map(|i| upper(i, 0)), [0.5, 1.0, 2.0, 4.0]);
    assert_eq!([-1, 0, 1].map(|i| upper(i, -2)), [0.0625, 1.0, 16.0]);
    assert_eq!(
        [-2, -1, 0, 2].map(|i| upper(i, 1)),
        [0.5, 0.707_106_781_186_547_5, 1.0, 2.0]
    );
    assert_eq!([1024, 1025].map(|i| upper(i, 0)), [f64::MAX, f64::INFINITY]);
    assert_eq!([512, 513].map(|i| upper(i, -1)), [f64::MAX, f64::INFINITY]);
    assert_eq!(upper(-1074, 0), f64::from_bits(1));
    assert_eq!(upper(-1_000_000, 8), 0.0);
}

#[test]
fn sums_meet_in_the_coarser_schema() {
    let mut fine = FloatHistogram {
        schema: 1,
        ..positive(1, &[1.0, 2.0, 4.0])
    };
    let notes = fine.add(&positive(2, &[10.0, 20.0])).unwrap();
    assert_eq!(notes, MergeNotes::default());
    assert_eq!(fine, positive(1, &[3.0, 14.0, 20.0]));
}

#[test]
fn sums_have_the_wider_zero_bucket() {
    let mut narrow = positive(-2, &[1.0, 2.0, 4.0]);
    let wide = FloatHistogram {
        zero_threshold: 0.3,
        zero_count: 5.0,
        count: 5.0,
        ..FloatHistogram::default()
    };
    let _ = narrow.add(&wide).unwrap();
    // 0.3 is within the populated bucket (0.25, 0.5], which goes to the zero bucket whole.
    assert_eq!((narrow.zero_threshold, narrow.zero_count), (0.5, 8.0));
    assert_eq!(narrow.positive, side(0, &[4.0]));
}

#[test]
fn sums_keep_the_shared_bounds() {
    let mut sum = custom(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0, 4.0]);
    let notes = sum
        .add(&custom(&[1.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 40.0]))
        .unwrap();
    assert!(notes.bounds_reconciled);
    let mut expected = custom(&[1.0, 4.0], &[11.0, 55.0, 44.0]);
    assert_eq!(sum, expected);
    assert_eq!(expected.add(&positive(0, &[1.0])), Err(MixedSchemas));
}

#[test]
fn compacting_cuts_and_joins() {
    let mut histogram = positive(-3, &[0.0, 1.0, 0.0, 0.0, 2.0, 0.0]);
    histogram.compact(2);
    assert_eq!(histogram.positive, side(-2, &[1.0, 0.0, 0.0, 2.0]));
    assert_eq!(histogram.positive.spans.len(), 1);
    histogram.compact(1);
    assert_eq!(histogram.positive.buckets, [1.0, 2.0]);
    let spans = [(-2, 1), (2, 1)].map(|(offset, length)| Span { offset, length });
    assert_eq!(histogram.positive.spans, spans);
}

#[test]
fn both_ways_through_the_buckets_meet() {
    let histogram = FloatHistogram {
        negative: side(0, &[1.0, 2.0]),
        zero_threshold: 0.75,
        zero_count: 1.0,
        ..positive(0, &[3.0, 0.0, 4.0])
    };
    let up: Vec<Bucket> = histogram.buckets().collect();
    let mut down: Vec<Bucket> = histogram.buckets_rev().collect();
    down.reverse();
    assert_eq!(up, down);
    let edges: Vec<(f64, f64)> = up.iter().map(|b| (b.lower, b.upper)).collect();
    assert_eq!(
        edges,
        [
            (-2.0, -1.0),
            (-1.0, -0.75),
            (-0.75, 0.75),
            (0.75, 1.0),
            (1.0, 2.0),
            (2.0, 4.0)
        ]
    );
}

#[test]
fn text_is_that_of_go() {
    let histogram = FloatHistogram {
        sum: 1_234_567.5,
        zero_threshold: 0.001,
        zero_count: 1.0,
        negative: side(1, &[2.5]),
        ..positive(21, &[100_000.0, 0.0, 1e-5])
    };
    let expected = "{count:100000.00001, sum:1.2345675e+06, [-2,-1):2.5, [-0.001,0.001]:1, \
                    (1.048576e+06,2.097152e+06]:100000, (4.194304e+06,8.388608e+06]:1e-05}";
    assert_eq!(histogram.to_string(), expected);
}
