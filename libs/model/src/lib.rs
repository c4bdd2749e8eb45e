//! The vocabulary of Masthead: what a label set, a sample, a span and a log record are, and the traits by
//! which those who produce them, those who keep them and those who ask for them know each other.
//!
//! This crate knows nothing of disks, sockets or threads. A store implements the traits of [`metrics`],
//! [`spans`] or [`logs`]; collectors write to the sinks, query engines read from the readers, and neither
//! side learns the name of the other. Costs: [`Labels`] is one reference count to clone.

pub mod clock;
pub mod error;
pub mod exemplar;
pub mod go_regex;
pub mod histogram;
pub mod labels;
pub mod logs;
pub mod matcher;
pub mod metrics;
pub mod promtime;
pub mod series_key;
pub mod series_registry;
pub mod spans;
pub mod starts;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::StoreError;
pub use exemplar::Exemplar;
pub use histogram::Histogram;
pub use labels::{Labels, LabelsBuilder};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use series_key::SeriesKey;
pub use series_registry::SeriesRegistry;
pub use starts::Starts;
