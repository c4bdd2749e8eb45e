use model::spans::{RefKind, SpanId, Tag, TagValue, TraceId};

use super::*;
use crate::push::mutation;

const BATCH_BINARY: &[u8] = include_bytes!("../../../testdata/jaeger_thrift/batch.binary.bin");
const BATCH_COMPACT: &[u8] = include_bytes!("../../../testdata/jaeger_thrift/batch.compact.bin");
const EMIT_BINARY: &[u8] = include_bytes!("../../../testdata/jaeger_thrift/emit_batch.binary.bin");
const EMIT_COMPACT: &[u8] = include_bytes!("../../../testdata/jaeger_thrift/emit_batch.compact.bin");
const PARENT_ONLY: &[u8] = include_bytes!("../../../testdata/jaeger_thrift/parent_only.binary.bin");

#[test]
fn all_four_ways_say_the_same() {
    let batch = decode_batch(Encoding::Binary, BATCH_BINARY).unwrap();
    assert_eq!(batch.items.len(), 21);
    assert_eq!(batch.rejected, 0);
    assert_eq!(decode_batch(Encoding::Compact, BATCH_COMPACT).unwrap(), batch);
    assert_eq!(decode_emit_batch(Encoding::Binary, EMIT_BINARY).unwrap(), batch);
    assert_eq!(decode_emit_batch(Encoding::Compact, EMIT_COMPACT).unwrap(), batch);
}

#[test]
fn every_part_of_a_span_arrives() {
    let batch = decode_batch(Encoding::Compact, BATCH_COMPACT).unwrap();
    let span = &batch.items[0];
    assert_eq!(span.trace_id, TraceId(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff));
    assert_eq!(span.span_id, SpanId(0xf1f2_f3f4_f5f6_f7f8));
    assert_eq!(span.operation, "GET /größe");
    assert_eq!(
        (span.start_ns, span.duration_ns),
        (1_485_467_191_639_875_000, 22_938_000)
    );
    assert_eq!(span.flags, 1);
    let tag = |key: &str, value| Tag {
        key: key.to_owned(),
        value,
    };
    let tags = [
        tag("http.method", TagValue::String("GET".to_owned())),
        tag("ratio", TagValue::Float64(129.8)),
        tag("error", TagValue::Bool(true)),
        tag("cached", TagValue::Bool(false)),
        tag("http.status_code", TagValue::Int64(-500)),
        tag("blob", TagValue::Binary(vec![0, 0, 0x30, 0x39])),
    ];
    assert_eq!(span.tags, tags);
    // The parent is among the references already, so none is added.
    let references: Vec<(RefKind, u128, u64)> = span
        .references
        .iter()
        .map(|r| (r.kind, r.trace_id.0, r.span_id.0))
        .collect();
    let own_trace = span.trace_id.0;
    assert_eq!(
        references,
        [
            (RefKind::FollowsFrom, 5, 6),
            (RefKind::ChildOf, own_trace, 0x0102_0304_0506_0708)
        ]
    );
    assert_eq!(span.parent_id(), Some(SpanId(0x0102_0304_0506_0708)));
    assert_eq!(span.logs[0].timestamp_ns, 1_485_467_191_639_880_000);
    assert_eq!(span.logs[0].fields, [Tag::string("event", "done")]);
    assert_eq!(span.process.service, "api");
    assert_eq!(span.process.tags, [Tag::string("ip", "10.0.0.1")]);
}

#[test]
fn a_parent_id_alone_becomes_a_reference() {
    let batch = decode_batch(Encoding::Binary, PARENT_ONLY).unwrap();
    assert_eq!(batch.items[0].references.len(), 1);
    assert_eq!(batch.items[0].parent_id(), Some(SpanId(3)));
}

#[test]
fn a_span_without_an_id_is_refused_alone() {
    // The id of the only span, 2, as eight bytes behind the head of field 3.
    let at = PARENT_ONLY
        .windows(11)
        .position(|w| w == [10, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2])
        .unwrap();
    let mut bytes = PARENT_ONLY.to_vec();
    bytes[at + 10] = 0;
    let batch = decode_batch(Encoding::Binary, &bytes).unwrap();
    assert!(batch.items.is_empty());
    assert_eq!(batch.rejected, 1);
    assert!(batch.message.contains("child"), "{}", batch.message);
}

#[test]
fn a_header_of_the_old_kind_and_another_call() {
    let mut old = vec![0, 0, 0, 9];
    old.extend_from_slice(b"emitBatch\x04\x00\x00\x00\x01");
    // The struct of arguments follows the strict header of 4 + 4 + 9 + 4 bytes.
    old.extend_from_slice(&EMIT_BINARY[21..]);
    assert_eq!(decode_emit_batch(Encoding::Binary, &old).unwrap().items.len(), 21);
    let other = EMIT_COMPACT
        .iter()
        .map(|b| if *b == b'm' { b'n' } else { *b })
        .collect::<Vec<u8>>();
    let error = decode_emit_batch(Encoding::Compact, &other)
        .unwrap_err()
        .to_string();
    assert!(error.contains("enitBatch"), "{error}");
}

#[test]
fn nesting_and_lengths_are_bounded() {
    // Field 9, a list of lists of lists …
    let mut deep = vec![0x0f, 0, 9];
    for _ in 0..100_000 {
        deep.extend_from_slice(&[0x0f, 0, 0, 0, 1]);
    }
    let error = decode_batch(Encoding::Binary, &deep).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error}");
    let long = [0x0f, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff];
    let error = decode_batch(Encoding::Binary, &long).unwrap_err().to_string();
    assert!(error.contains("length"), "{error}");
    assert!(decode_batch(Encoding::Binary, &[]).is_err());
    assert!(
        decode_batch(Encoding::Binary, &[0])
            .unwrap_err()
            .to_string()
            .contains("process")
    );
}

#[test]
fn mutated_batches_never_panic() {
    mutation::over(BATCH_BINARY, 10_000, |bytes| {
        drop(decode_batch(Encoding::Binary, bytes))
    });
    mutation::over(BATCH_COMPACT, 10_000, |bytes| {
        drop(decode_batch(Encoding::Compact, bytes))
    });
    mutation::over(EMIT_BINARY, 5_000, |bytes| {
        drop(decode_emit_batch(Encoding::Binary, bytes))
    });
    mutation::over(EMIT_COMPACT, 5_000, |bytes| {
        drop(decode_emit_batch(Encoding::Compact, bytes))
    });
}
