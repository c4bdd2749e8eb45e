//! A bounded number of threads for blocking work, so that one kind of work never starves another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Runs blocking work, at most so many pieces at once, with a bounded queue before it. Clones share the bound.
#[derive(Clone, Debug)]
pub struct Pool {
    name: &'static str,
    running: Arc<Semaphore>,
    queued: Arc<Semaphore>,
}

/// Why a piece of work was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As many pieces as allowed wait already (HTTP 503, gRPC `UNAVAILABLE`); come back later.
    #[error("too many requests are waiting in the {0} pool")]
    Overloaded(&'static str),
    /// The work panicked, which is a bug; the process goes on (HTTP 500).
    #[error("a task of the {0} pool failed unexpectedly")]
    Failed(&'static str),
    /// Nothing came of it in the time it had (HTTP 504); the work itself may go on, in its place of the pool.
    #[error("the {0} pool did not finish within {1:?}")]
    TimedOut(&'static str, Duration),
}

impl Pool {
    /// A pool of `threads` pieces at once and at most `queue` waiting.
    pub fn new(name: &'static str, threads: usize, queue: usize) -> Pool {
        let running = Arc::new(Semaphore::new(threads.max(1)));
        Pool {
            name,
            running,
            queued: Arc::new(Semaphore::new(threads.max(1) + queue)),
        }
    }

    /// Runs `work` on a blocking thread.
    ///
    /// # Errors
    /// The queue is full, or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let overloaded = |_| PoolError::Overloaded(self.name);
        let place = Arc::clone(&self.queued).try_acquire_owned().map_err(overloaded)?;
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let turn = turn.map_err(|_| PoolError::Failed(self.name))?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that hangs up must not free the thread that still works for it.
            let _held = (place, turn);
            work()
        });
        done.await.map_err(|_| PoolError::Failed(self.name))
    }

    /// Runs `work` as [`Pool::run`] does and waits no longer than `timeout`, its time in the queue included. Work that
    /// has not begun by then never does.
    ///
    /// # Errors
    /// The queue is full, the time is over, or the work panicked.
    pub async fn run_within<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let done = tokio::time::timeout(timeout, self.run(work)).await;
        done.unwrap_or(Err(PoolError::TimedOut(self.name, timeout)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_runs_and_a_panic_is_an_error() {
        let pool = Pool::new("test", 1, 1);
        assert_eq!(pool.run(|| 1).await, Ok(1));
        assert_eq!(
            pool.run(|| panic!("bug")).await.map(|()| 1),
            Err(PoolError::Failed("test"))
        );
        assert_eq!(pool.run(|| 2).await, Ok(2));
    }

    #[tokio::test]
    async fn a_caller_waits_no_longer_than_it_said() {
        let pool = Pool::new("test", 1, 1);
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let short = Duration::from_millis(1);
        let stuck = pool.run_within(short, move || wait.recv().is_ok()).await;
        assert_eq!(stuck, Err(PoolError::TimedOut("test", short)));
        // The place is taken still, so this one waits in the queue, and gives up there.
        let waiting = pool.run_within(short, || true).await;
        assert_eq!(waiting, Err(PoolError::TimedOut("test", short)));
        drop(release);
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = Pool::new("test", 1, 0);
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || wait.recv()).await }
        });
        while pool.queued.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| ()).await, Err(PoolError::Overloaded("test")));
        drop(release);
        assert!(busy.await.is_ok());
    }
}
