//! From a flush to the receivers: one retry loop for each way of reaching one, side by side.

mod stats;
mod turns;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::core::{Audible, Way};
use crate::dispatch::Flush;
use crate::nflog::Reason;
use crate::notify::{Notice, Notifier, SendError};

pub(super) use stats::Stats;
pub use stats::{DeliveryStats, IntegrationStats};
pub(super) use turns::Turns;

/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A flush on its way, and what it goes by.
struct Round<'a> {
    shared: &'a Shared,
    flush: &'a Flush,
    audible: &'a Audible,
    /// Ends retries.
    cancel: &'a CancellationToken,
    /// When the time is up.
    deadline: Instant,
}

/// Tells everybody concerned of a group, and the dispatcher what became of it.
pub(super) async fn flush(shared: Arc<Shared>, flush: Flush, generation: u64) {
    let (audible, notifiers, cancel) = {
        let core = shared.core.lock();
        if core.generation != generation {
            // The configuration changed in between; the group was made anew.
            return;
        }
        (
            core.audible(&flush),
            shared.notifiers.read().clone(),
            shared.deliveries.lock().clone(),
        )
    };
    let budget_ms = flush
        .deadline_ms
        .saturating_sub(flush.at_ms)
        .max(0)
        .unsigned_abs();
    let mut told = true;
    if let Some(audible) = &audible {
        let round = Round {
            shared: &shared,
            flush: &flush,
            audible,
            cancel: &cancel,
            deadline: Instant::now() + Duration::from_millis(budget_ms),
        };
        let each = audible.ways.iter().map(|way| {
            let notifier = notifiers.get(&flush.options.receiver, way.integration);
            take_turn(&round, way, notifier)
        });
        told = join_all(each).await.into_iter().all(|told| told);
    }
    shared.core.lock().finish(&flush, told, generation);
    shared.wake.notify_one();
    shared.changed.notify_one();
}

/// Waits until nobody else tells the same receiver of the same group in the same way, and tells it what is news
/// by then. Without it a group that a new configuration made anew would repeat what is under way.
async fn take_turn(round: &Round<'_>, way: &Way, notifier: Option<Arc<Notifier>>) -> bool {
    let place = round.shared.turns.queue(&way.key);
    let _turn = tokio::select! {
        turn = place.turn() => turn,
        // Another configuration's flush stands behind, or the next start looks again.
        () = round.cancel.cancelled() => return false,
        () = tokio::time::sleep_until(round.deadline) => {
            tracing::error!(
                receiver = &*way.key.receiver,
                group = &*round.flush.key,
                "notification was not delivered: an earlier one is still under way"
            );
            return false;
        }
    };
    let news = round.shared.core.lock().news(round.audible, way, round.flush);
    match news {
        Some(reason) => deliver(round, way, reason, notifier).await,
        None => true,
    }
}

/// Tells one receiver in one way until it is told, or it is no use, or the time is up.
async fn deliver(round: &Round<'_>, way: &Way, reason: Reason, notifier: Option<Arc<Notifier>>) -> bool {
    let (shared, flush) = (round.shared, round.flush);
    let alerts = round.audible.told(way, flush);
    if alerts.is_empty() {
        shared.core.lock().record(round.audible, way, flush);
        return true;
    }
    let Some(notifier) = notifier else { return false };
    let notice = Notice {
        group_key: &flush.key,
        receiver: &flush.options.receiver,
        group_labels: &flush.labels,
        route_labels: &flush.options.labels,
        reason: reason.as_str(),
        alerts: &alerts,
        at_ms: flush.at_ms,
    };
    let receiver = &*way.key.receiver;
    let result = attempt(shared, &notifier, &notice, round.cancel, round.deadline, receiver).await;
    shared.stats.finished(receiver, result.is_ok());
    match result {
        Ok(()) => {
            shared.core.lock().record(round.audible, way, flush);
            // On disk at once: the group's other ways may be tried for minutes yet, and a kill meanwhile must not make
            // this one repeat itself.
            shared.changed.notify_one();
            true
        }
        Err(error) => {
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
