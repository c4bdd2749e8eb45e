//! The formats in which targets expose metrics: Prometheus text 0.0.4 and 1.0.0, and OpenMetrics 1.0.
//!
//! [`Parser`] walks the bytes once and gives borrowed [`Event`]s; nothing is allocated for a sample. A series
//! stays raw text until somebody wants its labels ([`decode_labels`]): the scraper asks once for each new
//! series and afterwards knows it by its bytes, and [`Parser::expect`] lets it skip even their scan when a
//! target repeats itself in the same order. What is accepted is what Prometheus accepts, no more and no less,
//! e.g. two labels without a comma in text but not in OpenMetrics. [`lint`] is for people: every problem of a
//! page, with line and column.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.

mod cursor;
mod error;
mod event;
mod format;
mod labels;
mod lint;
mod number;
mod openmetrics;
mod parser;
mod text;

pub use error::ParseError;
pub use event::{Event, Exemplar, Series};
pub use format::Format;
pub(crate) use labels::unescape_help;
pub use labels::{RawLabels, decode_labels};
pub use lint::{Problem, lint};
pub use parser::Parser;

#[cfg(test)]
mod tests;
