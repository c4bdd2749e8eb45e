//! Following log files: new lines of every file that a pattern matches, on to a [`LogSink`].
//!
//! ```text
//! patterns → files (device, inode) → chunks → lines (bounded) → format (raw, CRI, Docker) → records → sink
//!                                                                                    └ then: positions, to disk
//! ```
//!
//! A file is known by its inode, so a rename by a log rotator is followed to its end while the new file of the
//! old name is begun at its start; a file that shrank (`copytruncate`) begins anew. A position is written to
//! disk only after the sink has taken what lies before it: after a crash lines come again rather than never.
//! All reading happens on a blocking thread, once a [`POLL_INTERVAL`]; while the sink refuses, nothing is read.

pub mod config;

mod file;
mod format;
mod lines;
mod positions;
mod round;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use model::logs::LogSink;
use tokio_util::sync::CancellationToken;

pub use config::{Format, LogFiles, LogsConfig};
pub use positions::PositionsError;
use round::Round;

/// How often files are looked at.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Follows the files of a configuration.
pub struct FileTailer {
    round: Round,
    interval: Duration,
}

impl FileTailer {
    /// A tailer that keeps its positions in the file `positions`, whose folder must exist.
    ///
    /// # Errors
    /// The positions cannot be read, or are not positions.
    pub fn new(
        config: &LogsConfig,
        positions: PathBuf,
        sink: Arc<dyn LogSink>,
        clock: Arc<dyn Clock>,
    ) -> Result<FileTailer, PositionsError> {
        Ok(FileTailer {
            round: Round::new(config, positions, sink, clock)?,
            interval: POLL_INTERVAL,
        })
    }

    /// Looks at files so often instead of every [`POLL_INTERVAL`].
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> FileTailer {
        self.interval = interval;
        self
    }

    /// Follows the files until `shutdown`, then reads once more what is there and returns.
    pub async fn run(self, shutdown: CancellationToken) {
        let FileTailer { mut round, interval } = self;
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut more = false;
        loop {
            let last = tokio::select! {
                biased;
                () = shutdown.cancelled() => true,
                // Where a file is far ahead of its reader, the next round does not wait.
                () = std::future::ready(()), if more => false,
                _ = ticks.tick() => false,
            };
            let turn = tokio::task::spawn_blocking(move || {
                let more = round.run();
                (round, more)
            });
            match turn.await {
                Ok(back) => (round, more) = back,
                Err(error) => {
                    tracing::error!(%error, "following log files has stopped: a round broke off");
                    return;
                }
            }
            if last {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
