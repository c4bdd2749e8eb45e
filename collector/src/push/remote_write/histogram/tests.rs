//! Histograms of remote write: what a sender packs, and what is refused.

use super::*;
use crate::push::wire::write::Writer;

fn encode_zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn put_sint(w: &mut Writer, number: u32, value: i64) {
    w.int64(number, encode_zigzag(value).cast_signed());
}

fn packed_sints(values: &[i64]) -> Vec<u8> {
    let mut w = Writer::default();
    for value in values {
        // A field of number 0 would have a key of one byte, 0: what follows it is the bare varint.
        let before = w.0.len();
        w.int64(0, encode_zigzag(*value).cast_signed());
        w.0.remove(before);
    }
    w.0
}

fn packed_doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn integer() -> Writer {
    let mut w = Writer::default();
    w.int64(1, 12).double(3, 18.4);
    put_sint(&mut w, 4, 3);
    w.double(5, 1e-128).int64(6, 2);
    w.nested(8, |s| {
        put_sint(s, 1, 0);
        s.int64(2, 1);
    });
    w.bytes(9, &packed_sints(&[2]));
    w.nested(11, |s| {
        put_sint(s, 1, -2);
        s.int64(2, 2);
    });
    w.nested(11, |s| {
        put_sint(s, 1, 3);
        s.int64(2, 1);
    });
    w.bytes(12, &packed_sints(&[1, 2, 1]));
    w.int64(14, 2).int64(15, 1_700_000_000_000);
    w
}

#[test]
fn integer_counts_are_added_up() {
    let (at, histogram) = histogram(Message::new(&integer().0)).expect("valid");
    assert_eq!(at, 1_700_000_000_000);
    let expected = Histogram {
        schema: 3,
        reset_hint: CounterResetHint::NoReset,
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
    };
    assert_eq!(histogram, expected);
}

#[test]
fn float_counts_and_custom_buckets_come_as_they_are() {
    let mut w = Writer::default();
    w.double(2, 3.5).double(3, 7.25);
    put_sint(&mut w, 4, -53);
    w.nested(11, |s| {
        s.int64(2, 3);
    });
    // Not packed: one by one is as valid.
    w.double(13, 0.5).double(13, 1.0).double(13, 2.0);
    w.bytes(16, &packed_doubles(&[0.1, 1.0])).int64(15, 5);
    let (_, histogram) = histogram(Message::new(&w.0)).expect("valid");
    assert_eq!(histogram.custom_values, [0.1, 1.0]);
    let counts = Counts::Float(Buckets {
        count: 3.5,
        zero_count: 0.0,
        positive: vec![0.5, 1.0, 2.0],
        negative: Vec::new(),
    });
    assert_eq!(histogram.counts, counts);
}

#[test]
fn a_stale_marker_is_one() {
    let mut w = Writer::default();
    w.double(3, model::metrics::STALE_NAN).int64(15, 5);
    let (_, histogram) = histogram(Message::new(&w.0)).expect("valid");
    assert!(histogram.is_stale());
}

#[test]
fn what_makes_no_sense_is_named() {
    let refusal = |more: fn(&mut Writer)| {
        let mut w = integer();
        more(&mut w);
        histogram(Message::new(&w.0)).expect_err("invalid").to_string()
    };
    let schema = refusal(|w| put_sint(w, 4, 1 << 40));
    assert!(schema.contains("schema 127 is neither"), "{schema}");
    let negative = refusal(|w| {
        w.bytes(12, &packed_sints(&[-9]));
    });
    assert!(
        negative.contains("a bucket whose observation count is negative: -5"),
        "{negative}"
    );
    let many = refusal(|w| {
        w.bytes(12, &vec![0; 1 << 20]);
    });
    assert!(many.contains("more than 4096 buckets"), "{many}");
}

#[test]
fn mutated_histograms_never_panic() {
    let bytes = integer().0;
    crate::push::mutation::over(&bytes, 20_000, |bytes| drop(histogram(Message::new(bytes))));
    for len in 0..bytes.len() {
        let _ = histogram(Message::new(&bytes[..len]));
    }
}
