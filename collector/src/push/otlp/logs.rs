//! Log records of OpenTelemetry as Loki stores them.
//!
//! A few well-known resource attributes name the stream; all others, those of the scope and of the record
//! itself go to the record's metadata, maps flattened, names with underscores. The body is the line.

use model::logs::LogRecord;
use model::{Labels, LabelsBuilder};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1 as otlp;

use super::label_name;
use super::traces::{nanoseconds, span_id, trace_id};
use super::value::text;
use crate::push::{Decoded, PushError, level, service};

/// The resource attributes that become labels of the stream; Loki's default list.
const STREAM_ATTRIBUTES: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// More metadata than this on one record is refused.
const MAX_METADATA: usize = 512;

/// More metadata text than this from one request is refused, in bytes: every record repeats that of its resource.
const MAX_TEXT: usize = 128 << 20;

/// Turns an export request into log records. `now_ns` is the time of a record that brings none.
///
/// # Errors
/// [`PushError::TooLarge`] where the request would unfold to more metadata than is bearable.
pub fn logs(request: ExportLogsServiceRequest, now_ns: i64) -> Result<Decoded<Vec<LogRecord>>, PushError> {
    let mut decoded = Decoded::all(Vec::new());
    let mut unfolded = 0;
    for resource_logs in request.resource_logs {
        let attributes = resource_logs.resource.unwrap_or_default().attributes;
        let (stream, resource) = split(&attributes);
        for scope_logs in resource_logs.scope_logs {
            let mut shared = resource.clone();
            add_scope(&mut shared, scope_logs.scope);
            for record in scope_logs.log_records {
                match one_record(&record, &stream, &shared, now_ns) {
                    Ok(record) => {
                        unfolded += text_bytes(&record.metadata);
                        if unfolded > MAX_TEXT {
                            return Err(PushError::TooLarge {
                                limit: MAX_TEXT as u64,
                                unit: "bytes of metadata",
                            });
                        }
                        decoded.items.push(record);
                    }
                    Err(why) => decoded.reject(1, || why),
                }
            }
        }
    }
    Ok(decoded)
}

fn text_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Name and value of what goes to the metadata of a record.
type Pairs = Vec<(String, String)>;

/// The labels of the stream, and what of the resource is metadata.
fn split(attributes: &[KeyValue]) -> (Labels, Pairs) {
    let mut labels = LabelsBuilder::default();
    let mut rest = Vec::new();
    for attribute in attributes {
        let into_stream = STREAM_ATTRIBUTES.contains(&attribute.key.as_str());
        let mut pairs = Vec::new();
        flatten(&mut pairs, "", attribute);
        if into_stream {
            for (name, value) in &pairs {
                labels.set(name, value);
            }
        } else {
            rest.append(&mut pairs);
        }
    }
    (service::named(&labels.build()), rest)
}

/// An attribute as one pair, a map as one for each of its entries, their names joined by `_`.
fn flatten(pairs: &mut Pairs, prefix: &str, attribute: &KeyValue) {
    let joined = if prefix.is_empty() {
        attribute.key.clone()
    } else {
        format!("{prefix}_{}", attribute.key)
    };
    // One more than allowed is enough to see that there are too many.
    let (Some(name), true) = (label_name(&joined), pairs.len() <= MAX_METADATA) else {
        return;
    };
    let Some(any) = &attribute.value else { return };
    match &any.value {
        Some(Value::KvlistValue(list)) => list.values.iter().for_each(|entry| flatten(pairs, &name, entry)),
        _ => pairs.push((name, text(any))),
    }
}

fn add_scope(pairs: &mut Pairs, scope: Option<InstrumentationScope>) {
    let scope = scope.unwrap_or_default();
    scope
        .attributes
        .iter()
        .for_each(|attribute| flatten(pairs, "", attribute));
    pairs.push(("scope_name".to_owned(), scope.name));
    pairs.push(("scope_version".to_owned(), scope.version));
    if scope.dropped_attributes_count != 0 {
        pairs.push((
            "scope_dropped_attributes_count".to_owned(),
            scope.dropped_attributes_count.to_string(),
        ));
    }
}

fn one_record(
    record: &otlp::LogRecord,
    stream: &Labels,
    shared: &Pairs,
    now_ns: i64,
) -> Result<LogRecord, String> {
    let timestamp_ns = match (record.time_unix_nano, record.observed_time_unix_nano) {
        (0, 0) => now_ns,
        (0, observed) => nanoseconds(observed),
        (time, _) => nanoseconds(time),
    };
    let (trace_id, span_id) = (trace_id(&record.trace_id), span_id(&record.span_id));
    let line = record.body.as_ref().map(text).unwrap_or_default();
    let metadata = metadata(record, shared)?;
    let level =
        level::of_severity(record.severity_number).or_else(|| level::detect(stream, &metadata, &line));
    let metadata = match level {
        Some(level) => metadata.to_builder().set(level::DETECTED_LEVEL, level).build(),
        None => metadata,
    };
    Ok(LogRecord {
        timestamp_ns,
        stream: stream.clone(),
        line,
        metadata,
        trace_id,
        span_id,
    })
}

/// What the record says of itself goes before what its scope and resource say under the same name.
fn metadata(record: &otlp::LogRecord, shared: &Pairs) -> Result<Labels, String> {
    let mut own = Vec::new();
    record
        .attributes
        .iter()
        .for_each(|attribute| flatten(&mut own, "", attribute));
    if own.len() + shared.len() > MAX_METADATA {
        return Err(format!("a log record has more than {MAX_METADATA} attributes"));
    }
    let mut fields: Pairs = Vec::new();
    let mut number = |name: &str, value: u64| {
        if value != 0 {
            fields.push((name.to_owned(), value.to_string()));
        }
    };
    if record.time_unix_nano != 0 {
        number("observed_timestamp", record.observed_time_unix_nano);
    }
    number(
        "severity_number",
        u64::try_from(record.severity_number).unwrap_or(0),
    );
    number(
        "dropped_attributes_count",
        u64::from(record.dropped_attributes_count),
    );
    number("flags", u64::from(record.flags));
    fields.push(("severity_text".to_owned(), record.severity_text.clone()));
    fields.push(("event_name".to_owned(), record.event_name.clone()));
    Ok(Labels::from_pairs(
        shared.iter().chain(&own).chain(&fields).map(|(n, v)| (n, v)),
    ))
}
