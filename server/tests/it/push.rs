//! Pushing: what applications and other Prometheis send, written by hand, so that the server's own encoders prove
//! nothing to themselves.

use reqwest::Client;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

/// Labels, and samples of milliseconds and value.
pub(crate) type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// A `prometheus.WriteRequest` as protobuf, before compression.
pub(crate) fn write_request(series: &[Series<'_>]) -> Vec<u8> {
    let mut request = Vec::new();
    for (labels, samples) in series {
        let mut one = Vec::new();
        for (name, value) in *labels {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut one, 1, &label);
        }
        for (at_ms, value) in *samples {
            let mut sample = vec![1 << 3 | 1];
            sample.extend(value.to_le_bytes());
            varint(&mut sample, 2 << 3);
            varint(&mut sample, at_ms.cast_unsigned());
            bytes(&mut one, 2, &sample);
        }
        bytes(&mut request, 1, &one);
    }
    request
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// As remote write sends it.
pub(crate) fn snappy(raw: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(raw).expect("it fits")
}

/// Sends bytes to remote write's endpoint; status and answer.
pub(crate) async fn remote_write(
    client: &Client,
    server: &str,
    body: Vec<u8>,
) -> reqwest::Result<(u16, String)> {
    let request = client
        .post(format!("{server}/api/v1/write"))
        .header(CONTENT_TYPE, "application/x-protobuf")
        .header(CONTENT_ENCODING, "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0");
    let answer = request.body(body).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

/// Sends OTLP as JSON to `path` below `otlp`; status and answer.
pub(crate) async fn otlp(
    client: &Client,
    otlp: &str,
    path: &str,
    body: &Value,
) -> reqwest::Result<(u16, String)> {
    let answer = client.post(format!("{otlp}{path}")).json(body).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

/// A trace of two spans, `outer` and within it `inner`.
pub(crate) fn two_spans(service: &str, trace_id: &str, start_ns: i64) -> Value {
    let (outer, inner) = ("00f067aa0ba902b7", "53995c3f42cd8ad8");
    let time = |ns: i64| (start_ns + ns).to_string();
    let spans = json!([
        {
            "traceId": trace_id, "spanId": outer, "name": "outer", "kind": 2,
            "startTimeUnixNano": time(0), "endTimeUnixNano": time(5_000_000),
            "attributes": [{"key": "of", "value": {"stringValue": trace_id}}],
        },
        {
            "traceId": trace_id, "spanId": inner, "parentSpanId": outer, "name": "inner", "kind": 1,
            "startTimeUnixNano": time(1_000_000), "endTimeUnixNano": time(2_000_000),
        },
    ]);
    json!({"resourceSpans": [{"resource": resource(service, "1"), "scopeSpans": [{"spans": spans}]}]})
}

/// Lines of one service, each with its time.
pub(crate) fn lines(service: &str, instance: &str, lines: &[(i64, String)]) -> Value {
    let record = |(at_ns, line): &(i64, String)| json!({"timeUnixNano": at_ns.to_string(), "body": {"stringValue": line}});
    let records: Vec<Value> = lines.iter().map(record).collect();
    json!({"resourceLogs": [{"resource": resource(service, instance), "scopeLogs": [{"logRecords": records}]}]})
}

fn resource(service: &str, instance: &str) -> Value {
    json!({"attributes": [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.instance.id", "value": {"stringValue": instance}},
    ]})
}
