//! Scraping: one loop for each target, from the socket to one batch in the store.
//!
//! [`process`] is the heart and a function of data: a page, the target's [`ScrapeCache`] and the job's rules
//! give the samples to store and the series to be made. Around it, [`ScrapeManager`] keeps a pool of targets for each
//! job and a loop for each target; a loop waits, fetches, and hands page and cache to a blocking thread which parses and
//! appends. Costs: a task, a cache entry of 24 bytes a series, and no allocation for a sample of a known series.

mod batch;
mod cache;
mod client;
mod connection;
mod descriptions;
mod exemplar;
mod families;
mod fetch;
mod http1;
mod intake;
mod labels;
mod manager;
mod page;
mod pool;
mod process;
mod report;
mod schedule;
mod spare;
mod status;
mod tls;
mod worker;

pub use batch::Batch;
pub use cache::ScrapeCache;
pub use families::{Families, Family};
pub use manager::{Error, Options, ScrapeManager, check};
pub use process::{Counts, Rules, ScrapeError, again, fail, process};
pub use status::{ActiveTarget, DroppedTarget, Health, TargetMetadata, TargetsStatus};

#[cfg(test)]
mod tests;
