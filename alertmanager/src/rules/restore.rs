//! After a restart, alerts go on waiting where they were: their past is read from `ALERTS_FOR_STATE`.

use model::metrics::is_stale_nan;

use super::{AlertingRule, ForState};

/// The bounds of restoring, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// How long before now an alert may have been seen last.
    pub(super) outage_tolerance_ms: i64,
    /// How long an alert that was nearly due waits at least after a restart.
    pub(super) grace_period_ms: i64,
}

/// Sets the pending alerts of `rule` that appeared at `now_ms` back to when they were active first.
///
/// An alert that had waited out its `for` before the restart is due at once. One that had not, and would have
/// been due within the grace period, is due at its end: the data it needs may have a gap. Any other does not
/// count the outage as waiting. Rules that wait for less than the grace period begin anew unless they were due,
/// since the gap could exceed their wait.
pub(super) fn restore(rule: &mut AlertingRule, now_ms: i64, past: &[ForState], bounds: Bounds) {
    let for_ms = rule.for_ms();
    for state in past
        .iter()
        .filter(|s| !is_stale_nan(s.active_since_s) && s.active_since_s.is_finite())
    {
        let Some(alert) = rule.active.get_mut(&state.labels) else {
            continue;
        };
        if alert.active_at_ms != now_ms || now_ms.saturating_sub(state.at_ms) > bounds.outage_tolerance_ms {
            continue;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; a time beyond is never stored"
        )]
        let active_ms = (state.active_since_s as i64).saturating_mul(1000);
        let remaining = for_ms.saturating_sub(state.at_ms.saturating_sub(active_ms));
        alert.active_at_ms = if remaining <= 0 {
            active_ms
        } else if for_ms < bounds.grace_period_ms {
            continue;
        } else if remaining < bounds.grace_period_ms {
            now_ms
                .saturating_add(bounds.grace_period_ms)
                .saturating_sub(for_ms)
        } else {
            active_ms.saturating_add(now_ms.saturating_sub(state.at_ms))
        };
        alert.fire_when_due(now_ms, for_ms);
    }
}
