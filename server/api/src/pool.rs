//! A bounded number of threads for blocking work, so that one kind of work never starves another.

use std::sync::Arc;

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
