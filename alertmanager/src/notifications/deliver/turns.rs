//! Who may tell a receiver of a group: one flush at a time.
//!
//! A flush learns from the notification log what the receiver knows, and writes to it when the receiver has
//! answered. Two at once, as around a change of configuration, would both find the receiver ignorant. Costs: a map
//! entry for each way that is being told or waited for; nothing for the others.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync;

use crate::nflog::LogKey;

/// The queues before all ways that are being told.
#[derive(Debug, Default)]
pub(in crate::notifications) struct Turns {
    queues: Mutex<HashMap<LogKey, Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    turn: Arc<sync::Mutex<()>>,
    /// How many have a place; the last to leave takes the queue away.
    places: usize,
}

/// A place in a queue, given up when it is dropped.
pub(super) struct Place<'a> {
    turns: &'a Turns,
    key: &'a LogKey,
    turn: Arc<sync::Mutex<()>>,
}

impl Turns {
    /// A place at the end of a queue.
    pub(super) fn queue<'a>(&'a self, key: &'a LogKey) -> Place<'a> {
        let mut queues = self.queues.lock();
        let queue = queues.entry(key.clone()).or_default();
        queue.places += 1;
        Place {
            turns: self,
            key,
            turn: queue.turn.clone(),
        }
    }

    /// How many tell or wait.
    #[cfg(test)]
    pub(in crate::notifications) fn places(&self) -> usize {
        self.queues.lock().values().map(|queue| queue.places).sum()
    }
}

impl Place<'_> {
    /// Waits for those in front; the turn lasts until it is dropped.
    pub(super) async fn turn(&self) -> sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues.lock();
        if let Some(queue) = queues.get_mut(self.key) {
            queue.places -= 1;
            if queue.places == 0 {
                queues.remove(self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn key(receiver: &str) -> LogKey {
        LogKey {
            group: "{}".to_owned(),
            receiver: receiver.to_owned(),
        }
    }

    #[test]
    fn one_at_a_time_for_each_way_and_nothing_stays_behind() {
        let (turns, a, b) = (Turns::default(), key("a"), key("b"));
        let (first, second, other) = (turns.queue(&a), turns.queue(&a), turns.queue(&b));
        let turn = first.turn().now_or_never().unwrap();
        assert!(second.turn().now_or_never().is_none());
        assert!(other.turn().now_or_never().is_some());
        drop(turn);
        drop(first);
        assert!(second.turn().now_or_never().is_some());
        assert_eq!(turns.queues.lock().len(), 2);
        drop((second, other));
        assert!(turns.queues.lock().is_empty());
    }
}
