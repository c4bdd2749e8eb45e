//! What a page consists of.

use model::metrics::MetricType;

/// One line, or the end.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A sample.
    Series(Series<'a>),
    /// `# TYPE`
    Type {
        /// The family's name.
        family: &'a str,
        /// Its type.
        metric_type: MetricType,
    },
    /// `# HELP`, as written: [`super::labels`] tells how escapes are read.
    Help {
        /// The family's name.
        family: &'a str,
        /// What it says.
        text: &'a str,
    },
    /// `# UNIT`, OpenMetrics only
    Unit {
        /// The family's name.
        family: &'a str,
        /// Its unit.
        unit: &'a str,
    },
    /// A comment, `#` included; text formats only.
    Comment(&'a [u8]),
    /// `# EOF`, or the end of a text page.
    Eof,
}

/// A sample of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Series<'a> {
    /// Name and labels as they stand on the page; for [`super::decode_labels`].
    pub raw: &'a [u8],
    /// The value; a NaN is always [`model::metrics::NORMAL_NAN`].
    pub value: f64,
    /// Milliseconds since the epoch, where the page says so.
    pub timestamp_ms: Option<i64>,
    /// OpenMetrics only.
    pub exemplar: Option<Exemplar<'a>>,
}

/// A sample of what went into a counter or a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    /// `{…}` as it stands on the page.
    pub raw_labels: &'a [u8],
    /// The value.
    pub value: f64,
    /// Milliseconds since the epoch, where the page says so.
    pub timestamp_ms: Option<i64>,
}
