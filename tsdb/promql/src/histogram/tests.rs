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

#[test]
fn a_sum_keeps_what_rounding_takes() {
    let mut sum = HistogramSum::new(&positive(0, &[1e100]));
    for count in [1.0, -1e100, 1.0] {
        sum.add(&positive(0, &[count])).unwrap();
    }
    assert_eq!(sum.total(), positive(0, &[2.0]));
}

#[test]
fn a_mean_outlives_the_overflow_of_its_sum() {
    let large = positive(0, &[1.2e308]);
    let mut mean = HistogramMean::new(&large);
    for _ in 0..3 {
        mean.add(&large).unwrap();
    }
    let mean = mean.total();
    assert!((mean.count / 1.2e308 - 1.0).abs() < 1e-12, "{mean}");
    assert!(!mean.has_overflow());
}

#[test]
fn contradicting_hints_are_noted() {
    let hinted = |hint| FloatHistogram {
        reset_hint: hint,
        ..positive(0, &[1.0])
    };
    let mut one = hinted(CounterResetHint::Reset);
    assert!(
        one.add(&hinted(CounterResetHint::NoReset))
            .unwrap()
            .reset_collision
    );
    assert_eq!(one.reset_hint, CounterResetHint::Unknown);
    // A sum remembers over those that say nothing.
    let mut sum = HistogramSum::new(&hinted(CounterResetHint::Reset));
    sum.add(&hinted(CounterResetHint::Unknown)).unwrap();
    assert!(!sum.notes().reset_collision);
    sum.add(&hinted(CounterResetHint::NoReset)).unwrap();
    assert!(sum.notes().reset_collision);
    let mut gauge = hinted(CounterResetHint::Gauge);
    assert!(
        !gauge
            .add(&hinted(CounterResetHint::Reset))
            .unwrap()
            .reset_collision
    );
    assert!(gauge.is_gauge());
}

#[test]
fn resets_show_in_counts_buckets_and_layouts() {
    let before = positive(0, &[1.0, 2.0]);
    let reset = |now: &FloatHistogram| now.detect_reset(&before);
    assert!(!reset(&before));
    assert!(!reset(&positive(-1, &[1.0, 1.0, 2.0])));
    assert!(reset(&positive(0, &[3.0, 1.0])), "a bucket has fallen");
    assert!(reset(&positive(1, &[9.0])), "a bucket is gone");
    assert!(!reset(&FloatHistogram {
        schema: -1,
        ..positive(0, &[1.0, 2.0])
    }));
    assert!(reset(&FloatHistogram {
        schema: 1,
        ..positive(0, &[9.0, 9.0])
    }));
    assert!(reset(&FloatHistogram {
        zero_threshold: 1.5,
        zero_count: 9.0,
        ..FloatHistogram::default()
    }));
    let bounds = custom(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0]);
    assert!(!custom(&[1.0, 4.0], &[1.0, 5.0]).detect_reset(&bounds));
    assert!(custom(&[1.0, 4.0], &[2.0, 4.0]).detect_reset(&bounds));
}

#[test]
fn quantiles_interpolate_by_the_kind_of_bucket() {
    let exponential = positive(1, &[1.0, 1.0]);
    assert!((exponential.quantile(0.25).0 - 2f64.sqrt()).abs() < 1e-15);
    assert_eq!(exponential.quantile(1.0), (4.0, None));
    assert_eq!(custom(&[1.0, 2.0], &[2.0, 2.0]).quantile(0.75), (1.5, None));
    assert_eq!(custom(&[1.0, 2.0], &[2.0, 2.0, 4.0]).quantile(0.75), (2.0, None));
    let zero = FloatHistogram {
        zero_threshold: 0.5,
        zero_count: 2.0,
        count: 4.0,
        ..positive(1, &[2.0])
    };
    assert_eq!(zero.quantile(0.25), (0.25, None));
    let nan = FloatHistogram {
        count: 4.0,
        sum: f64::NAN,
        ..exponential
    };
    assert_eq!(nan.quantile(0.25).1, Some(NanNote::Skewed));
    let (value, note) = nan.quantile(0.9);
    assert!(value.is_nan() && note == Some(NanNote::IsNan));
}

#[test]
fn fractions_are_the_inverse_of_quantiles() {
    let histogram = FloatHistogram {
        negative: side(0, &[3.0]),
        count: 10.0,
        ..positive(0, &[3.0, 4.0])
    };
    for q in [0.1, 0.25, 0.5, 0.8, 1.0] {
        let (share, _) = histogram.fraction(f64::NEG_INFINITY, histogram.quantile(q).0);
        assert!((share - q).abs() < 1e-12, "{q}: {share}");
    }
}

#[test]
fn trims_cut_the_bucket_that_contains_the_value() {
    let mut upper = custom(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]);
    let mut lower = upper.clone();
    upper.trim(1.5, Trim::Upper);
    assert_eq!(upper.positive, side(0, &[2.0, 2.0]));
    lower.trim(1.5, Trim::Lower);
    assert_eq!(lower.positive, side(1, &[2.0, 6.0]));
    assert_eq!((upper.count, lower.count), (4.0, 8.0));
    let mut exponential = positive(1, &[4.0]);
    exponential.trim(2f64.sqrt(), Trim::Upper);
    assert!((exponential.count - 2.0).abs() < 1e-12);
    let mut whole = positive(0, &[2.0]);
    whole.sum = 1.5;
    whole.trim(7.0, Trim::Upper);
    assert_eq!(
        (whole.count, whole.sum),
        (2.0, 1.5),
        "nothing is taken away, so the sum stays"
    );
}

#[test]
fn thresholds_that_are_nan_end() {
    let nan = FloatHistogram {
        zero_threshold: f64::NAN,
        ..positive(0, &[1.0])
    };
    let other = positive(0, &[1.0, 2.0]);
    assert!(nan.detect_reset(&positive(0, &[1.0])));
    let _ = other.detect_reset(&nan);
    let _ = nan.clone().add(&other).unwrap();
    let _ = other.clone().subtract(&nan).unwrap();
}
