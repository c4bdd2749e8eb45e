//! What a query answers.

use std::fmt;
use std::sync::Arc;

use model::Labels;
use model::metrics::Sample;

use crate::engine::QueryStats;
use crate::histogram::FloatHistogram;

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

/// The value of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A distribution.
    Histogram(Arc<FloatHistogram>),
}

impl SampleValue {
    /// The number, where it is one.
    pub fn float(&self) -> Option<f64> {
        match self {
            SampleValue::Float(value) => Some(*value),
            SampleValue::Histogram(_) => None,
        }
    }
}

/// One series' sample in an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// The series.
    pub labels: Labels,
    /// When, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// What.
    pub value: SampleValue,
}

/// One series' samples in a matrix; at least one. Series without gaps share the times of the query's steps.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// When the floats are, in milliseconds since the epoch, rising.
    pub timestamps: Arc<[i64]>,
    /// The floats, one for each timestamp.
    pub values: Arc<[f64]>,
    /// The histograms with their times, rising. No time is in both lists, save in raw samples.
    pub histograms: Arc<[(i64, Arc<FloatHistogram>)]>,
}

impl RangeSeries {
    /// How many samples there are, floats and histograms together.
    pub fn len(&self) -> usize {
        self.timestamps.len() + self.histograms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The floats one by one.
    pub fn floats(&self) -> impl Iterator<Item = Sample> + '_ {
        let floats = self.timestamps.iter().zip(&*self.values);
        floats.map(|(&timestamp_ms, &value)| Sample { timestamp_ms, value })
    }
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
    /// What it cost, where that was asked for.
    pub stats: Option<QueryStats>,
}
