//! What a query answers.

use std::fmt;

use model::Labels;
use model::metrics::{Sample, Samples};

/// The type of an expression or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number at each time.
    Scalar,
    /// A text.
    String,
    /// Series with one sample each.
    Vector,
    /// Series with many samples each.
    Matrix,
}

impl ValueType {
    /// The name in the HTTP API's `resultType`.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
        }
    }

    /// The name in error messages.
    pub(crate) fn documented(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One series' sample in an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// The series.
    pub labels: Labels,
    /// When and what.
    pub sample: Sample,
}

/// One series' samples in a matrix; at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// Its samples in order of time.
    pub samples: Samples,
}

/// The value of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(Sample),
    /// A text.
    String {
        /// When it was asked for, milliseconds since the epoch.
        timestamp_ms: i64,
        /// The text.
        value: String,
    },
    /// One sample a series, in the order the query gave them (`sort`, `topk`).
    Vector(Vec<InstantSample>),
    /// Many samples a series, sorted by labels.
    Matrix(Vec<RangeSeries>),
}

impl Value {
    /// The type of this value.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Scalar(_) => ValueType::Scalar,
            Value::String { .. } => ValueType::String,
            Value::Vector(_) => ValueType::Vector,
            Value::Matrix(_) => ValueType::Matrix,
        }
    }
}

/// A value with what the reader should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    /// The value.
    pub value: Value,
    /// What is probably wrong, sorted; each begins with `PromQL warning: `.
    pub warnings: Vec<String>,
    /// What is possibly not meant, sorted; each begins with `PromQL info: `.
    pub infos: Vec<String>,
}
