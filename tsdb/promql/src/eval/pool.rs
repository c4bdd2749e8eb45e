//! The threads on which large queries evaluate their series.
//!
//! All queries of an engine share them. Work comes in chunks of a fixed size and results are put together in the order of
//! the chunks, so that an answer does not depend on how many threads there are. With none, everything happens where it
//! was asked for.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

/// A pool of threads, or none.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    threads: Option<Arc<rayon::ThreadPool>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.width()).finish()
    }
}

impl Pool {
    /// So many threads; 0 and 1 are none. None too where the system gives none.
    pub(crate) fn new(threads: usize) -> Pool {
        if threads < 2 {
            return Pool::default();
        }
        let named = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("promql-{i}"));
        Pool {
            threads: named.build().ok().map(Arc::new),
        }
    }

    /// How many chunks can be in work at a time.
    pub(crate) fn width(&self) -> usize {
        self.threads.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Does `work` to each item; results are in the order of the items.
    pub(crate) fn map<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) -> Vec<R> {
        match &self.threads {
            Some(pool) if items.len() > 1 => pool.install(|| items.into_par_iter().map(work).collect()),
            _ => items.into_iter().map(work).collect(),
        }
    }
}
