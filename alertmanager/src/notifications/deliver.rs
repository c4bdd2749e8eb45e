//! From a flush to the receivers: one retry loop for each way of reaching one, side by side.

mod stats;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::core::Delivery;
use crate::dispatch::Flush;
use crate::notify::{Notice, Notifier, SendError};

pub(super) use stats::Stats;
pub use stats::{DeliveryStats, IntegrationStats};

/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Tells everybody concerned of a group, and the dispatcher what became of it.
pub(super) async fn flush(shared: Arc<Shared>, flush: Flush, generation: u64) {
    let (deliveries, notifiers, cancel) = {
        let core = shared.core.lock();
        if core.generation != generation {
            // The configuration changed in between; the group was made anew.
            return;
        }
        (
            core.deliveries(&flush),
            shared.notifiers.read().clone(),
            shared.deliveries.lock().clone(),
        )
    };
    let budget_ms = flush
        .deadline_ms
        .saturating_sub(flush.at_ms)
        .max(0)
        .unsigned_abs();
    let deadline = Instant::now() + Duration::from_millis(budget_ms);
    let each = deliveries.into_iter().map(|delivery| {
        let notifier = notifiers.get(&flush.options.receiver, delivery.integration);
        deliver(&shared, notifier, &flush, delivery, &cancel, deadline)
    });
    let told = join_all(each).await.into_iter().all(|told| told);
    shared.core.lock().finish(&flush, told, generation);
    shared.wake.notify_one();
    shared.changed.notify_one();
}

/// Tells one receiver in one way until it is told, or it is no use, or the time is up.
async fn deliver(
    shared: &Shared,
    notifier: Option<Arc<Notifier>>,
    flush: &Flush,
    delivery: Delivery,
    cancel: &CancellationToken,
    deadline: Instant,
) -> bool {
    if delivery.alerts.is_empty() {
        shared.core.lock().record(delivery, flush);
        return true;
    }
    let Some(notifier) = notifier else { return false };
    let notice = Notice {
        group_key: &flush.key,
        receiver: &flush.options.receiver,
        group_labels: &flush.labels,
        route_labels: &flush.options.labels,
        reason: delivery.reason.as_str(),
        alerts: &delivery.alerts,
        at_ms: flush.at_ms,
    };
    let result = attempt(
        shared,
        &notifier,
        &notice,
        cancel,
        deadline,
        &delivery.key.receiver,
    )
    .await;
    shared.stats.finished(&delivery.key.receiver, result.is_ok());
    match result {
        Ok(()) => {
            shared.core.lock().record(delivery, flush);
            // On disk at once: the group's other ways may be tried for minutes yet, and a kill meanwhile must not make
            // this one repeat itself.
            shared.changed.notify_one();
            true
        }
        Err(error) => {
            let receiver = &delivery.key.receiver;
            tracing::error!(receiver, group = &*flush.key, %error, "notification was not delivered");
            false
        }
    }
}

async fn attempt(
    shared: &Shared,
    notifier: &Notifier,
    notice: &Notice<'_>,
    cancel: &CancellationToken,
    deadline: Instant,
    receiver: &str,
) -> Result<(), SendError> {
    let mut last = SendError::Retry("no attempt was made in time".to_owned());
    for attempts in 0_u32.. {
        if cancel.is_cancelled() || Instant::now() >= deadline {
            break;
        }
        let Ok(sent) = tokio::time::timeout_at(deadline, notifier.notify(notice)).await else {
            shared.stats.attempted(receiver, false);
            last = SendError::Retry(format!(
                "no answer before the group's next turn; before that: {last}"
            ));
            break;
        };
        shared.stats.attempted(receiver, sent.is_ok());
        match sent {
            Ok(()) => return Ok(()),
            Err(SendError::GiveUp(message)) => return Err(SendError::GiveUp(message)),
            Err(error) => {
                if error != last {
                    tracing::warn!(receiver, group = notice.group_key, %error, "notification failed, will retry");
                }
                last = error;
            }
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep_until(deadline) => break,
            () = tokio::time::sleep(pause(attempts, random())) => {}
        }
    }
    Err(last)
}

/// The pause after so many attempts: half as long again each time, and by up to a half shorter or longer, so that
/// many that fail together do not come back together. `random` is within 0 and 1.
fn pause(attempts: u32, random: f64) -> Duration {
    let grown = FIRST_PAUSE.as_secs_f64() * 1.5_f64.powi(attempts.min(64).cast_signed());
    Duration::from_secs_f64(grown.min(LONGEST_PAUSE.as_secs_f64()) * (0.5 + random))
}

/// Within 0 and 1, from the keys that the standard library draws for hash maps.
fn random() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_spread() {
        let millis = |attempts, random| pause(attempts, random).as_millis();
        assert_eq!((millis(0, 0.5), millis(1, 0.5), millis(2, 0.5)), (500, 750, 1125));
        assert_eq!((millis(0, 0.0), millis(0, 1.0)), (250, 750));
        assert_eq!(millis(1000, 0.5), 60_000);
        assert!((0..100).map(|_| random()).all(|r| (0.0..=1.0).contains(&r)));
    }
}
