//! How data comes in: targets that are scraped, bytes that are pushed, log files that are followed.
//!
//! The crate knows no store. What is pulled goes to a [`model::metrics::MetricSink`], one batch a scrape, and its
//! exemplars to an [`ExemplarSink`](model::exemplar::ExemplarSink); what is pushed is decoded here from bytes to the
//! model and handed on by whoever owns the socket, but remote write, which goes to the sinks from here: only with the
//! sink's handles it need not be decoded. The pulling half:
//!
//! ```text
//! prometheus.yml → config → discovery → target (relabel) → scrape loop → exposition → cache → MetricSink
//! ```
//!
//! [`config`], [`relabel`], [`exposition`] and the heart of [`scrape`] are functions of data; the loops around
//! them are the only part that waits. Costs: a task, a connection, and 24 bytes a series for each target.

pub mod config;
pub mod discovery;
pub mod exposition;
pub mod push;
pub mod relabel;
pub mod scrape;
pub mod tail;
pub mod target;

#[cfg(test)]
mod sink_double;
