//! The queries under way and those that were answered: who asks what, and what it took.
//!
//! A [`Journal`] is told when a query begins and when it ends. It knows those under way, keeps them in a file by which
//! the next start tells what ran when the process died ([`active`]), writes each query that ends to the query log if
//! there is one ([`log`]), and tells of slow ones through `tracing`. It costs two small writes to the page cache a query.

mod active;
mod log;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Clock;
use parking_lot::{Mutex, RwLock};

use active::ActiveFile;
pub use active::unfinished;
pub use log::QueryLog;

/// What is asked, and by whom.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The text of the query.
    pub query: Arc<str>,
    /// The first step, milliseconds since the epoch.
    pub start_ms: i64,
    /// The last step, milliseconds since the epoch.
    pub end_ms: i64,
    /// Milliseconds between two steps; 0 for an instant query.
    pub step_ms: i64,
    /// The address of the client, if it is known.
    pub client: Option<std::net::IpAddr>,
    /// How it was asked: GET or POST.
    pub method: String,
    /// Where it was asked.
    pub path: String,
}

/// What came of a query, for the logs.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Why there is no answer.
    pub error: Option<String>,
    /// What it took, as the API's `stats` shows it.
    pub stats: serde_json::Value,
    /// Samples read.
    pub samples: u64,
    /// Series in the answer.
    pub series: usize,
}

/// A query under way.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// A number of its own while the process lives.
    pub id: u64,
    /// What is asked.
    pub asked: Asked,
    /// When it began, milliseconds since the epoch.
    pub began_ms: i64,
    /// For how long it has been running.
    pub running: Duration,
}

/// Knows the queries under way and logs those that end.
pub struct Journal {
    clock: Arc<dyn Clock>,
    /// Queries that take longer are told of.
    slow: Option<Duration>,
    file: Option<ActiveFile>,
    log: RwLock<Option<QueryLog>>,
    running: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last_id: u64,
    queries: BTreeMap<u64, (Asked, i64, Instant)>,
}

impl Journal {
    /// A journal without files that tells of queries slower than `slow`.
    pub fn new(clock: Arc<dyn Clock>, slow: Option<Duration>) -> Journal {
        Journal {
            clock,
            slow,
            file: None,
            log: RwLock::default(),
            running: Mutex::default(),
        }
    }

    /// Keeps the queries under way in the file at `path`, which is begun anew; at most `places` at once.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn with_file(mut self, path: &Path, places: usize) -> io::Result<Journal> {
        self.file = Some(ActiveFile::create(path, places)?);
        Ok(self)
    }

    /// Logs queries there from now on, or no longer. A log that stays at its place is to be opened anew, for somebody may
    /// have moved the file away.
    pub fn log_to(&self, log: Option<QueryLog>) {
        *self.log.write() = log;
    }

    /// Whether there is a query log, which tells what queries cost.
    pub fn logs(&self) -> bool {
        self.log.read().is_some()
    }

    /// A query begins. It is under way until what this returns is finished or dropped.
    pub fn begin(self: &Arc<Self>, asked: Asked) -> Entry {
        let began_ms = self.clock.now_ms();
        let place = self
            .file
            .as_ref()
            .and_then(|file| file.put(&asked.query, began_ms));
        let mut table = self.running.lock();
        table.last_id += 1;
        let id = table.last_id;
        let began = Instant::now();
        table.queries.insert(id, (asked, began_ms, began));
        Entry {
            journal: Arc::clone(self),
            id,
            place,
            began,
        }
    }

    /// The queries under way, the oldest first.
    pub fn under_way(&self) -> Vec<UnderWay> {
        let table = self.running.lock();
        let told = |(id, (asked, began_ms, began)): (&u64, &(Asked, i64, Instant))| UnderWay {
            id: *id,
            asked: asked.clone(),
            began_ms: *began_ms,
            running: began.elapsed(),
        };
        table.queries.iter().map(told).collect()
    }

    fn end(&self, id: u64, place: Option<usize>) -> Option<Asked> {
        if let (Some(file), Some(place)) = (&self.file, place) {
            file.clear(place);
        }
        self.running.lock().queries.remove(&id).map(|(asked, ..)| asked)
    }

    fn ended(&self, asked: &Asked, took: Duration, outcome: &Outcome) {
        if self.slow.is_some_and(|slow| took >= slow) {
            tracing::warn!(
                query = &*asked.query,
                start_ms = asked.start_ms,
                end_ms = asked.end_ms,
                step_ms = asked.step_ms,
                seconds = took.as_secs_f64(),
                samples = outcome.samples,
                series = outcome.series,
                client = asked.client.map(tracing::field::display),
                path = asked.path,
                error = outcome.error.as_deref(),
                "slow query"
            );
        }
        if let Some(log) = &*self.log.read() {
            log.write(self.clock.now_ms(), asked, outcome);
        }
    }
}

/// A query's place in the journal.
pub struct Entry {
    journal: Arc<Journal>,
    id: u64,
    place: Option<usize>,
    began: Instant,
}

impl Entry {
    /// The query ends with an answer or an error. One that is dropped without, because it panicked, is not logged.
    pub fn finish(mut self, outcome: &Outcome) {
        let took = self.began.elapsed();
        if let Some(asked) = self.journal.end(self.id, self.place.take()) {
            self.journal.ended(&asked, took, outcome);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.journal.end(self.id, self.place.take());
    }
}

#[cfg(test)]
mod tests;
