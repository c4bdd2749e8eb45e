use std::sync::Arc;

use model::spans::{Process, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId, TraceQuery};
use rustc_hash::FxHashSet;

use super::{MAX_TAGS, Search};
use crate::codec::{Batch, Encoder};

fn span() -> Span {
    let tag = |key: &str, value| Tag {
        key: key.to_owned(),
        value,
    };
    Span {
        trace_id: TraceId(1),
        span_id: SpanId(1),
        operation: "op".to_owned(),
        references: vec![SpanRef {
            kind: model::spans::RefKind::FollowsFrom,
            trace_id: TraceId(2),
            span_id: SpanId(2),
            tags: vec![Tag::string("link", "l")],
        }],
        flags: 0,
        start_ns: 100,
        duration_ns: 10,
        tags: vec![
            tag("int", TagValue::Int64(7)),
            tag("float", TagValue::Float64(72.5)),
            tag("nan", TagValue::Float64(f64::NAN)),
            tag("bool", TagValue::Bool(true)),
            tag("bytes", TagValue::Binary(vec![1, 0xab])),
            Tag::string("twice", "a"),
            Tag::string("twice", "b"),
        ],
        logs: vec![SpanLog {
            timestamp_ns: 1,
            fields: vec![Tag::string("event", "e")],
        }],
        process: Arc::new(Process {
            service: "s".to_owned(),
            tags: vec![Tag::string("host", "h")],
        }),
        warnings: Vec::new(),
    }
}

fn hits(change: impl Fn(&mut TraceQuery)) -> bool {
    let mut query = TraceQuery {
        start_min_ns: 0,
        start_max_ns: 1000,
        limit: 1,
        ..TraceQuery::default()
    };
    change(&mut query);
    let mut encoder = Encoder::default();
    encoder.push(&span());
    let batch = Batch::decode(&encoder.finish()).unwrap();
    let mut found = FxHashSet::default();
    match Search::new(&query).unwrap() {
        Some(search) => search.scan(&batch, &mut found).unwrap(),
        None => return false,
    }
    !found.is_empty()
}

fn hits_tags(tags: &[(&str, &str)]) -> bool {
    hits(|query| {
        query.tags = tags
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    })
}

#[test]
fn tags_match_wherever_they_are_by_their_text() {
    for (key, text) in [
        ("int", "7"),
        ("float", "72.5"),
        ("nan", "NaN"),
        ("bool", "true"),
        ("bytes", "01ab"),
        ("host", "h"),
        ("event", "e"),
        ("link", "l"),
        ("twice", "a"),
        ("twice", "b"),
    ] {
        assert!(hits_tags(&[(key, text)]), "{key}={text}");
    }
    assert!(
        hits_tags(&[("int", "7"), ("host", "h"), ("event", "e"), ("link", "l")]),
        "all at once"
    );
}

#[test]
fn tags_of_another_text_or_key_do_not_match() {
    for (key, text) in [
        ("int", "007"),
        ("int", "7.0"),
        ("float", "72.50"),
        ("bool", "1"),
        ("bytes", "01AB"),
        ("host", "H"),
        ("h", "h"),
    ] {
        assert!(!hits_tags(&[(key, text)]), "{key}={text}");
    }
    assert!(!hits_tags(&[("int", "7"), ("host", "x")]), "every tag must match");
}

#[test]
fn ranges_include_their_ends() {
    assert!(hits(|q| (q.start_min_ns, q.start_max_ns) = (100, 100)));
    assert!(!hits(|q| q.start_min_ns = 101));
    assert!(!hits(|q| q.start_max_ns = 99));
    assert!(hits(
        |q| (q.duration_min_ns, q.duration_max_ns) = (Some(10), Some(10))
    ));
    assert!(!hits(|q| q.duration_min_ns = Some(11)));
    assert!(!hits(|q| q.duration_max_ns = Some(9)));
}

#[test]
fn service_and_operation_must_both_match() {
    assert!(hits(
        |q| (q.service, q.operation) = (Some("s".into()), Some("op".into()))
    ));
    assert!(!hits(|q| q.service = Some("op".into())));
    assert!(!hits(|q| q.operation = Some("s".into())));
}

#[test]
fn nothing_asked_for_is_nothing_found_and_too_much_is_refused() {
    assert!(!hits(|q| q.limit = 0));
    assert!(!hits(|q| (q.start_min_ns, q.start_max_ns) = (2, 1)));
    let tags = vec![("k".to_owned(), "v".to_owned()); MAX_TAGS + 1];
    assert!(
        Search::new(&TraceQuery {
            tags,
            ..TraceQuery::default()
        })
        .is_err()
    );
}
