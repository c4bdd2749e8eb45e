use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId};

use super::wire::{Reader, put_uvarint, put_zigzag};
use super::{Batch, CodecError, Encoder};

fn tag(key: &str, value: TagValue) -> Tag {
    Tag {
        key: key.to_owned(),
        value,
    }
}

/// A span that uses everything a span can have.
fn full_span() -> Span {
    let every_kind = vec![
        tag("text", TagValue::String("värde".to_owned())),
        tag("yes", TagValue::Bool(true)),
        tag("no", TagValue::Bool(false)),
        tag("int", TagValue::Int64(i64::MIN)),
        tag("float", TagValue::Float64(-72.5)),
        tag("bytes", TagValue::Binary(vec![0, 255, 7])),
        tag("", TagValue::String(String::new())),
    ];
    let reference = |kind, trace, tags| SpanRef {
        kind,
        trace_id: TraceId(trace),
        span_id: SpanId(7),
        tags,
    };
    Span {
        trace_id: TraceId(u128::MAX - 1),
        span_id: SpanId(u64::MAX),
        operation: "GET /".to_owned(),
        references: vec![
            reference(RefKind::FollowsFrom, 99, every_kind.clone()),
            reference(RefKind::ChildOf, u128::MAX - 1, Vec::new()),
        ],
        flags: 3,
        start_ns: 1_485_449_191_639_875_000,
        duration_ns: -5,
        tags: every_kind.clone(),
        logs: vec![
            SpanLog {
                timestamp_ns: i64::MAX,
                fields: every_kind.clone(),
            },
            SpanLog {
                timestamp_ns: i64::MIN,
                fields: Vec::new(),
            },
        ],
        process: Arc::new(Process {
            service: "front".to_owned(),
            tags: every_kind,
        }),
        warnings: vec!["clock".to_owned()],
    }
}

fn encode(spans: &[Span]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    spans.iter().for_each(|span| encoder.push(span));
    encoder.finish()
}

fn decode(bytes: &[u8]) -> Result<Vec<Span>, CodecError> {
    let batch = Batch::decode(bytes)?;
    batch.headers().iter().map(|header| batch.span(header)).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let mut other = full_span();
    other.process = Arc::new(Process::default());
    other.operation.clear();
    let same_process_elsewhere = Span {
        process: Arc::new((*full_span().process).clone()),
        ..full_span()
    };
    let spans = vec![full_span(), other, same_process_elsewhere];
    let bytes = encode(&spans);
    assert_eq!(decode(&bytes).unwrap(), spans);
    assert_eq!(
        Batch::decode(&bytes).unwrap().processes().len(),
        2,
        "processes are kept once"
    );
    assert_eq!(decode(&encode(&[])).unwrap(), vec![]);
}

#[test]
fn the_parent_is_the_first_child_of_within_the_trace() {
    let bytes = encode(&[full_span()]);
    let batch = Batch::decode(&bytes).unwrap();
    assert_eq!(
        batch.parent(&batch.headers()[0]).unwrap(),
        full_span().parent_id()
    );
}

#[test]
fn every_cut_is_noticed() {
    let bytes = encode(&[full_span()]);
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(
        decode(&[&bytes[..], &[0]].concat()).unwrap_err(),
        CodecError::Trailing
    );
    assert_eq!(decode(&[9]).unwrap_err(), CodecError::Version(9));
}

#[test]
fn no_mutation_panics_or_allocates_beyond_reason() {
    let bytes = encode(&[full_span(), full_span()]);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for at in 0..bytes.len() {
        for value in [0, 1, 2, 5, 0x7f, 0x80, 0xfe, 0xff] {
            let mut bad = bytes.clone();
            bad[at] = value;
            exercise(&bad);
        }
    }
    for _ in 0..5000 {
        let mut bad = bytes.clone();
        for _ in 0..1 + next() % 4 {
            let at = next() % bad.len();
            match next() % 3 {
                0 => bad[at] = next() as u8,
                1 => drop(bad.remove(at)),
                _ => bad.insert(at, next() as u8),
            }
        }
        exercise(&bad);
    }
}

fn exercise(bytes: &[u8]) {
    let Ok(batch) = Batch::decode(bytes) else { return };
    let _ = batch.number("text");
    for header in batch.headers() {
        let _ = batch.span(header);
        let _ = batch.parent(header);
        let _ = batch.visit_tags(header, |_, _| true);
    }
}

#[test]
fn numbers_keep_their_ends() {
    for value in [0, 1, 127, 128, u64::from(u32::MAX), u64::MAX] {
        let mut bytes = Vec::new();
        put_uvarint(&mut bytes, value);
        assert_eq!(Reader::new(&bytes).uvarint(), Ok(value));
    }
    for value in [0, -1, 1, i64::MIN, i64::MAX] {
        let mut bytes = Vec::new();
        put_zigzag(&mut bytes, value);
        assert_eq!(Reader::new(&bytes).zigzag(), Ok(value));
    }
    assert_eq!(Reader::new(&[0xff; 10]).uvarint(), Err(CodecError::Number));
    assert_eq!(Reader::new(&[0x80; 11]).uvarint(), Err(CodecError::Number));
}
