//! Which exemplars are taken: Prometheus' rules, by the newest of the series (`tsdb/exemplar.go`).

use std::cmp::Ordering;

use model::exemplar::{ExemplarRow, RejectedExemplar};

use super::record::Entry;
use crate::bytes::Malformed;

/// The newest exemplar of a series, and by which number the segment it is in knows the series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    timestamp_ms: i64,
    value: f64,
    labels_hash: u64,
    own_timestamp: bool,
    pub(super) segment: u64,
    pub(super) id: u32,
}

impl Newest {
    pub(super) fn of(row: &ExemplarRow, segment: u64, id: u32) -> Newest {
        Newest {
            timestamp_ms: row.exemplar.timestamp_ms,
            value: row.exemplar.value,
            labels_hash: row.exemplar.labels.hash64(),
            own_timestamp: row.own_timestamp,
            segment,
            id,
        }
    }

    pub(super) fn of_entry(entry: &Entry<'_>, segment: u64) -> Result<Newest, Malformed> {
        let exemplar = entry.exemplar()?;
        Ok(Newest {
            timestamp_ms: exemplar.timestamp_ms,
            value: exemplar.value,
            labels_hash: exemplar.labels.hash64(),
            own_timestamp: entry.own_timestamp,
            segment,
            id: entry.id,
        })
    }
}

/// What is to be done with an exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Store,
    Repeated,
    Rejected(RejectedExemplar),
}

/// Judges an exemplar by the newest of its series.
pub(super) fn judge(row: &ExemplarRow, newest: Option<&Newest>) -> Verdict {
    let exemplar = &row.exemplar;
    if row.series.is_empty() {
        return Verdict::Rejected(RejectedExemplar::InvalidLabels);
    }
    if !exemplar.labels_fit() {
        return Verdict::Rejected(RejectedExemplar::LabelsTooLong);
    }
    let Some(newest) = newest else {
        return Verdict::Store;
    };
    let by_time = exemplar.timestamp_ms.cmp(&newest.timestamp_ms);
    let by_value = exemplar.value.total_cmp(&newest.value);
    let by_labels = exemplar.labels.hash64().cmp(&newest.labels_hash);
    let timed = row.own_timestamp || newest.own_timestamp;
    if by_value.is_eq() && by_labels.is_eq() && (by_time.is_eq() || !timed) {
        return Verdict::Repeated;
    }
    match by_time.then(by_value).then(by_labels) {
        Ordering::Less => Verdict::Rejected(RejectedExemplar::OutOfOrder),
        _ => Verdict::Store,
    }
}
