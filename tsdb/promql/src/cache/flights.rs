//! Queries in evaluation: who asks what is being evaluated waits for it instead of evaluating it too.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::key::Key;

/// How often one who waits looks whether waiting still makes sense.
const LOOK_UP: Duration = Duration::from_millis(20);

/// The keys in evaluation.
#[derive(Debug, Default)]
pub(super) struct Flights {
    keys: Mutex<HashSet<Arc<Key>>>,
    landed: Condvar,
}

/// One's own evaluation of a key; ends when dropped.
#[derive(Debug)]
pub(super) struct Flight<'a> {
    flights: &'a Flights,
    key: Arc<Key>,
}

impl Flights {
    /// Begins an evaluation, unless there is one of this key.
    pub(super) fn begin(&self, key: &Arc<Key>) -> Option<Flight<'_>> {
        self.lock().insert(Arc::clone(key)).then(|| Flight {
            flights: self,
            key: Arc::clone(key),
        })
    }

    /// Waits until nobody evaluates the key, or `go_on` says no, which it is asked every now and then.
    pub(super) fn wait(&self, key: &Key, mut go_on: impl FnMut() -> bool) {
        let mut keys = self.lock();
        while keys.contains(key) && go_on() {
            let woken = self.landed.wait_timeout(keys, LOOK_UP);
            keys = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Arc<Key>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
        self.flights.landed.notify_all();
    }
}
