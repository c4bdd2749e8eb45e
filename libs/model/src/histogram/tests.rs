//! What is a histogram and what is not.

use super::*;

fn exponential() -> Histogram {
    Histogram {
        schema: 3,
        reset_hint: CounterResetHint::Unknown,
        zero_threshold: 1e-128,
        sum: 18.4,
        positive_spans: vec![
            Span {
                offset: -2,
                length: 2,
            },
            Span { offset: 3, length: 1 },
        ],
        negative_spans: vec![Span { offset: 0, length: 1 }],
        custom_values: Vec::new(),
        counts: Counts::Integer(Buckets {
            count: 12,
            zero_count: 2,
            positive: vec![1, 3, 4],
            negative: vec![2],
        }),
    }
}

fn custom() -> Histogram {
    Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        zero_threshold: 0.0,
        positive_spans: vec![Span { offset: 0, length: 3 }],
        negative_spans: Vec::new(),
        custom_values: vec![0.5, 1.0],
        counts: Counts::Integer(Buckets {
            count: 6,
            zero_count: 0,
            positive: vec![1, 2, 3],
            negative: Vec::new(),
        }),
        ..exponential()
    }
}

fn integers(histogram: &mut Histogram) -> &mut Buckets<u64> {
    match &mut histogram.counts {
        Counts::Integer(buckets) => buckets,
        Counts::Float(_) => panic!("integer counts"),
    }
}

#[test]
fn good_ones_pass() {
    assert_eq!(exponential().validate(), Ok(()));
    assert_eq!(custom().validate(), Ok(()));
    assert_eq!(Histogram::stale().validate(), Ok(()));
    assert!(Histogram::stale().is_stale());
    let mut seen_nan = exponential();
    seen_nan.sum = f64::NAN;
    integers(&mut seen_nan).count = 13;
    assert_eq!(seen_nan.validate(), Ok(()));
    assert!(!seen_nan.is_stale());
}

/// A good histogram, what is done to it, and what the refusal says.
type Case = (Histogram, fn(&mut Histogram), &'static str);

#[test]
fn each_rule_refuses_with_its_reason() {
    let cases: [Case; 13] = [
        (exponential(), |h| h.schema = 9, "schema 9 is neither"),
        (exponential(), |h| h.schema = -5, "schema -5 is neither"),
        (
            exponential(),
            |h| integers(h).count = 11,
            "count is 11, its buckets hold 12",
        ),
        (
            exponential(),
            |h| integers(h).positive.truncate(2),
            "need 3 buckets, have 2",
        ),
        (
            exponential(),
            |h| h.positive_spans[1].offset = -1,
            "negative: span 2, offset -1",
        ),
        (
            exponential(),
            |h| h.positive_spans[1].offset = i32::MAX,
            "do not fit 32 bits",
        ),
        (
            exponential(),
            |h| h.custom_values.push(1.0),
            "exponential buckets has custom bounds",
        ),
        (
            exponential(),
            |h| {
                h.sum = f64::NAN;
                integers(h).count = 11;
            },
            "it must be at least that",
        ),
        (
            custom(),
            |h| h.custom_values[1] = 0.5,
            "do not rise: 0.5, then 0.5",
        ),
        (custom(), |h| h.custom_values[1] = f64::INFINITY, "+Inf"),
        (
            custom(),
            |h| h.custom_values.truncate(1),
            "1 custom bounds, its spans reach over 3",
        ),
        (custom(), |h| h.zero_threshold = 0.1, "has a zero threshold"),
        (
            custom(),
            |h| h.positive_spans[0].offset = -1,
            "negative: span 1, offset -1",
        ),
    ];
    for (mut histogram, spoil, says) in cases {
        spoil(&mut histogram);
        let refusal = histogram.validate().expect_err(says).to_string();
        assert!(refusal.contains(says), "{refusal:?} does not say {says:?}");
    }
}

#[test]
fn float_counts_may_not_be_negative_and_need_not_add_up() {
    let counts = Buckets {
        count: 3.25,
        zero_count: 0.0,
        positive: vec![1.0, 0.5, 0.1],
        negative: vec![0.25],
    };
    let mut histogram = exponential();
    histogram.counts = Counts::Float(counts.clone());
    assert_eq!(histogram.validate(), Ok(()));
    let mut spoilt = counts;
    spoilt.negative[0] = -0.25;
    histogram.counts = Counts::Float(spoilt);
    assert!(matches!(
        histogram.validate(),
        Err(InvalidHistogram::NegativeCount { what: "a bucket", .. })
    ));
}

#[test]
fn size_is_bounded() {
    let mut wide = exponential();
    wide.positive_spans = vec![
        Span {
            offset: 0,
            length: u32::MAX
        };
        3
    ];
    assert_eq!(wide.validate(), Err(InvalidHistogram::IndexOverflow));
    integers(&mut wide).positive = vec![0; MAX_BUCKETS + 1];
    assert!(
        wide.validate()
            .is_err_and(|e| e.to_string().contains("more than 4096 buckets"))
    );
}

#[test]
fn equality_is_by_bits() {
    let mut a = exponential();
    a.sum = f64::NAN;
    assert_eq!(a, a.clone());
    let mut b = a.clone();
    b.sum = STALE_NAN;
    assert_ne!(a, b);
    assert!(a.same_layout(&b));
    b.counts = Counts::Float(Buckets::default());
    assert!(!a.same_layout(&b));
}
