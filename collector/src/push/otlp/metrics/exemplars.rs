//! Exemplars of OpenTelemetry: the trace and span that made a measurement, and the attributes left out of its series.

use model::exemplar::{ExemplarRow, OPENMETRICS_LABEL_CHARS};
use model::{Exemplar, Labels, LabelsBuilder};
use opentelemetry_proto::tonic::metrics::v1::Exemplar as Sent;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;

use crate::push::otlp::label_name;
use crate::push::otlp::value::text;

/// More attributes than this are left out: they would not fit in any case.
const MAX_ATTRIBUTES: usize = 32;

/// The value of an exemplar, which says to which bucket it belongs; `None` where it has none.
pub(super) fn value(sent: &Sent) -> Option<f64> {
    match sent.value? {
        Value::AsDouble(value) => Some(value),
        Value::AsInt(value) => Some(value as f64),
    }
}

/// The exemplar of the series `series`; `point_ns` is the time of its point, for senders that say none.
pub(super) fn row(sent: &Sent, value: f64, series: Labels, point_ns: u64) -> ExemplarRow {
    let own_timestamp = sent.time_unix_nano > 0;
    let time_ns = if own_timestamp {
        sent.time_unix_nano
    } else {
        point_ns
    };
    ExemplarRow {
        series,
        exemplar: Exemplar {
            labels: labels(sent),
            value,
            timestamp_ms: (time_ns / 1_000_000).cast_signed(),
        },
        own_timestamp,
    }
}

/// Ids first; attributes only as long as all of it stays within what OpenMetrics allows, as in Prometheus.
fn labels(sent: &Sent) -> Labels {
    let mut labels = LabelsBuilder::default();
    for (name, id) in [("trace_id", &sent.trace_id), ("span_id", &sent.span_id)] {
        if id.iter().any(|byte| *byte != 0) && id.len() <= 16 {
            labels.set(name, &hex(id));
        }
    }
    let ids = labels.build();
    for pair in sent.filtered_attributes.iter().take(MAX_ATTRIBUTES) {
        if let Some(name) = label_name(&pair.key).filter(|name| labels.get(name).is_none()) {
            labels.set(&name, &pair.value.as_ref().map(text).unwrap_or_default());
        }
    }
    let all = labels.build();
    let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
    if all.iter().map(chars).sum::<usize>() <= OPENMETRICS_LABEL_CHARS {
        all
    } else {
        ids
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
