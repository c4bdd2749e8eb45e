use super::*;
use crate::push::mutation;

const SPANS: &str = r#"[
  {"traceId": "5af7183fb1d4cf5f", "id": "352bff9a74ca9ad2", "parentId": "6b221d5bc9e6496c", "name": "get /api",
   "kind": "CLIENT", "timestamp": 1556604172355737, "duration": 1431, "debug": true,
   "localEndpoint": {"serviceName": "backend", "ipv4": "192.168.99.1", "port": 3306},
   "remoteEndpoint": {"serviceName": "db", "ipv4": "172.19.0.2", "port": 58648},
   "annotations": [{"timestamp": 1556604172355740, "value": "sent"}],
   "tags": {"http.method": "GET", "error": "true"}},
  {"traceId": "463ac35c9f6413ad48485a3953bb6124", "id": "2"},
  {"traceId": "xyz", "id": "2", "name": "bad"}
]"#;

#[test]
fn spans_arrive_and_bad_ids_are_refused_alone() {
    let decoded = decode(SPANS.as_bytes()).unwrap();
    assert_eq!((decoded.items.len(), decoded.rejected), (2, 1));
    assert!(decoded.message.contains("bad"), "{}", decoded.message);
    let span = &decoded.items[0];
    assert_eq!(span.trace_id, TraceId(0x5af7_183f_b1d4_cf5f));
    assert_eq!(span.parent_id(), Some(SpanId(0x6b22_1d5b_c9e6_496c)));
    assert_eq!(
        (span.start_ns, span.duration_ns),
        (1_556_604_172_355_737_000, 1_431_000)
    );
    assert_eq!((span.kind(), span.flags), ("client", 3));
    assert_eq!(span.process.service, "backend");
    assert_eq!(span.logs[0].fields, [Tag::string("event", "sent")]);
    let shown: Vec<String> = span
        .tags
        .iter()
        .map(|t| format!("{}={}", t.key, t.value))
        .collect();
    let expected = [
        "error=true",
        "http.method=GET",
        "span.kind=client",
        "peer.service=db",
        "peer.ipv4=172.19.0.2",
        "peer.port=58648",
    ];
    assert_eq!(shown, expected);
    assert_eq!(span.tags[0].value, TagValue::Bool(true));
    assert_eq!(decoded.items[1].process.service, UNKNOWN_SERVICE);
    assert_eq!(decoded.items[1].trace_id.0 >> 64, 0x463a_c35c_9f64_13ad);
}

#[test]
fn what_is_no_list_of_spans_is_malformed() {
    for text in ["", "{}", "[1]", r#"[{"traceId": 1, "id": "2"}]"#] {
        assert!(
            matches!(decode(text.as_bytes()), Err(PushError::Malformed { .. })),
            "{text}"
        );
    }
}

#[test]
fn mutated_requests_never_panic() {
    mutation::over(SPANS.as_bytes(), 10_000, |bytes| drop(decode(bytes)));
}
