//! The store against a plain list of spans, over random histories of writing, cutting and reopening.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::spans::{
    Operation, Process, Span, SpanId, SpanLog, SpanSink, SpanStore, Tag, TagValue, Trace, TraceId, TraceQuery,
};
use traces::Traces;

use crate::support::{Random, child_of, everything, open, span};

const SERVICES: [&str; 4] = ["front", "cart", "pay", ""];

fn random_span(random: &mut Random) -> Span {
    let mut span = span(
        1 + u128::from(random.below(40)),
        1 + random.below(30),
        random.below(500) as i64,
    );
    let service = SERVICES[random.below(4) as usize];
    if random.below(3) > 0 {
        span = child_of(span, 1 + random.below(30), service);
    }
    let tags = if random.below(2) == 0 {
        vec![Tag::string("zone", "a")]
    } else {
        Vec::new()
    };
    span.process = Arc::new(Process {
        service: service.to_owned(),
        tags,
    });
    span.operation = format!("op{}", random.below(3));
    span.duration_ns = random.below(100) as i64;
    span.tags = vec![Tag::string(
        "span.kind",
        ["client", "server"][random.below(2) as usize],
    )];
    span.tags.push(Tag {
        key: "code".to_owned(),
        value: TagValue::Int64(random.below(3) as i64),
    });
    if random.below(4) == 0 {
        let fields = vec![Tag {
            key: "error".to_owned(),
            value: TagValue::Bool(true),
        }];
        span.logs.push(SpanLog {
            timestamp_ns: span.start_ns,
            fields,
        });
    }
    span
}

fn random_query(random: &mut Random) -> TraceQuery {
    let mut query = everything(1 + random.below(60) as usize);
    let mut maybe = |one_in: u64| random.below(one_in) == 0;
    let (by_service, by_operation, by_time, by_duration) = (maybe(2), maybe(3), maybe(2), maybe(4));
    let tags = [
        maybe(3).then_some("code"),
        maybe(5).then_some("error"),
        maybe(4).then_some("zone"),
    ];
    if by_service {
        query.service = Some(SERVICES[random.below(4) as usize].to_owned());
    }
    if by_operation {
        query.operation = Some(format!("op{}", random.below(4)));
    }
    if by_time {
        query.start_min_ns = random.below(500) as i64;
        query.start_max_ns = query.start_min_ns + random.below(100) as i64;
    }
    if by_duration {
        query.duration_min_ns = Some(random.below(100) as i64);
        query.duration_max_ns = query.duration_min_ns.map(|min| min + 20);
    }
    for key in tags.into_iter().flatten() {
        let text = match key {
            "code" => random.below(4).to_string(),
            "error" => "true".to_owned(),
            _ => "a".to_owned(),
        };
        query.tags.push((key.to_owned(), text));
    }
    query
}

fn matches(span: &Span, query: &TraceQuery) -> bool {
    let tags: Vec<&Tag> = span
        .tags
        .iter()
        .chain(&span.process.tags)
        .chain(span.logs.iter().flat_map(|log| &log.fields))
        .collect();
    query
        .service
        .as_ref()
        .is_none_or(|service| *service == span.process.service)
        && query
            .operation
            .as_ref()
            .is_none_or(|operation| *operation == span.operation)
        && (query.start_min_ns..=query.start_max_ns).contains(&span.start_ns)
        && query.duration_min_ns.is_none_or(|min| span.duration_ns >= min)
        && query.duration_max_ns.is_none_or(|max| span.duration_ns <= max)
        && query.tags.iter().all(|(k, v)| {
            tags.iter()
                .any(|tag| tag.key == *k && tag.value.to_string() == *v)
        })
}

fn newest(trace: &Trace) -> i64 {
    trace.spans.iter().map(|span| span.start_ns).max().unwrap()
}

/// The spans of a trace as a set: text stands for a span, as spans have no order.
fn as_set(spans: &[Span]) -> BTreeSet<String> {
    spans.iter().map(|span| format!("{span:?}")).collect()
}

fn check(store: &Traces, all: &[Span], query: &TraceQuery) {
    let found = store.find_traces(query).unwrap();
    let expected: BTreeSet<TraceId> = all
        .iter()
        .filter(|s| matches(s, query))
        .map(|s| s.trace_id)
        .collect();
    assert_eq!(found.len(), expected.len().min(query.limit), "{query:?}");
    assert!(
        found.iter().all(|trace| expected.contains(&trace.trace_id)),
        "{query:?}"
    );
    assert!(
        found.windows(2).all(|pair| newest(&pair[0]) >= newest(&pair[1])),
        "newest first: {query:?}"
    );
    for trace in &found {
        let spans: Vec<Span> = all
            .iter()
            .filter(|s| s.trace_id == trace.trace_id)
            .cloned()
            .collect();
        assert_eq!(as_set(&trace.spans), as_set(&spans));
        assert_eq!(trace.spans.len(), as_set(&spans).len(), "no span twice");
        assert!(trace.spans.is_sorted_by_key(|span| span.start_ns));
    }
}

fn check_catalogue(store: &Traces, all: &[Span]) {
    let services: BTreeSet<&str> = all.iter().map(|s| s.process.service.as_str()).collect();
    assert_eq!(
        store.services().unwrap(),
        services.into_iter().collect::<Vec<_>>()
    );
    for service in SERVICES {
        for kind in [None, Some("client")] {
            let wanted = |s: &&Span| s.process.service == service && kind.is_none_or(|k| s.kind() == k);
            let operation = |s: &Span| Operation {
                name: s.operation.clone(),
                kind: s.kind().to_owned(),
            };
            let operations: BTreeSet<Operation> = all.iter().filter(wanted).map(operation).collect();
            assert_eq!(
                store.operations(service, kind).unwrap(),
                operations.into_iter().collect::<Vec<_>>()
            );
        }
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::new());
    let mut store = open(&fs).0;
    let mut all: Vec<Span> = Vec::new();
    for _ in 0..60 {
        match random.below(10) {
            0 | 1 => drop(store.cut().unwrap()),
            2 => store = open(&fs).0,
            3 if !all.is_empty() => {
                let again = all[random.below(all.len() as u64) as usize].clone();
                store.append(&[again]).unwrap();
            }
            _ => {
                let batch: Vec<Span> = (0..random.below(12)).map(|_| random_span(&mut random)).collect();
                store.append(&batch).unwrap();
                all.extend(batch);
            }
        }
        for _ in 0..4 {
            check(&store, &all, &random_query(&mut random));
        }
    }
    check_catalogue(&store, &all);
    assert_eq!(store.trace(TraceId(1000)).unwrap(), None);
}

#[test]
fn random_histories_answer_as_a_plain_list_does() {
    (1..=30).for_each(|seed| run(seed * 0x9e37_79b9));
}

#[test]
fn calls_are_counted_as_in_a_plain_list() {
    for seed in 1..=20u64 {
        let mut random = Random(seed * 0x51_7c_c1_b7);
        let fs: Arc<dyn Fs> = Arc::new(MemoryFs::new());
        let store = open(&fs).0;
        let mut all: Vec<Span> = Vec::new();
        for i in 0..200u64 {
            // Ids are unique here: of spans that share one, any may be the parent.
            let mut span = random_span(&mut random);
            span.span_id = SpanId(i + 1);
            span.trace_id = TraceId(1 + u128::from(random.below(5)));
            for reference in &mut span.references {
                (reference.trace_id, reference.span_id) = (span.trace_id, SpanId(1 + random.below(i + 20)));
            }
            store.append(std::slice::from_ref(&span)).unwrap();
            all.push(span);
            if random.below(20) == 0 {
                store.cut().unwrap();
            }
        }
        let (start, end) = (random.below(200) as i64, 300 + random.below(200) as i64);
        let mut expected: BTreeMap<(String, String), u64> = BTreeMap::new();
        for span in all.iter().filter(|s| (start..=end).contains(&s.start_ns)) {
            let parent = all
                .iter()
                .find(|p| p.trace_id == span.trace_id && Some(p.span_id) == span.parent_id());
            if let Some(parent) = parent {
                let key = (parent.process.service.clone(), span.process.service.clone());
                *expected.entry(key).or_default() += 1;
            }
        }
        let counted = store.dependencies(start, end).unwrap();
        let counted: BTreeMap<_, _> = counted
            .into_iter()
            .map(|d| ((d.parent, d.child), d.calls))
            .collect();
        assert_eq!(counted, expected, "seed {seed}");
        assert!(!counted.is_empty());
    }
}
