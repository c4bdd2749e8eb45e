//! A group as it is at the time of a flush.

use std::sync::Arc;

use super::{Flush, Group, GroupId, MIN_FLUSH_MS};
use crate::alert::{Alert, AlertStatus};

/// Freezes the alerts of a group: what fires now fires until the flush is done.
pub(super) fn take(id: GroupId, group: &Group, now_ms: i64) -> Flush {
    let mut ended = Vec::new();
    let frozen = group.alerts.values().map(|alert| match alert.status(now_ms) {
        AlertStatus::Resolved => {
            ended.push(alert.clone());
            alert.clone()
        }
        AlertStatus::Firing => Arc::new(Alert {
            ends_at_ms: 0,
            ..Alert::clone(alert)
        }),
    });
    let mut alerts: Vec<Arc<Alert>> = frozen.collect();
    alerts.sort_by(|a, b| place(a).cmp(&place(b)));
    Flush {
        group: id,
        key: group.key.clone(),
        options: group.options.clone(),
        labels: group.labels.clone(),
        at_ms: now_ms,
        deadline_ms: now_ms.saturating_add(group.options.group_interval_ms.max(MIN_FLUSH_MS)),
        alerts,
        ended,
    }
}

/// Alerts of one job and instance stand together.
fn place(alert: &Alert) -> (&str, &str, &model::Labels) {
    let value = |name| alert.labels.get(name).unwrap_or("");
    (value("job"), value("instance"), &alert.labels)
}
