//! The functions of the language: one table, one file a family.
//!
//! A function over ranges sees all windows of one series at once, so that it can keep from one window to the next what
//! they share; a function of vectors sees whole columns. Semantics are those of Prometheus' functions, to the last bit
//! of a value and the last word of a warning.

pub(crate) mod date;
mod exact_sum;
pub(crate) mod math;
mod order;
mod over_call;
pub(crate) mod over_time;
mod pairs;
pub(crate) mod rate;
pub(crate) mod regression;
mod starts;
mod table;

use model::metrics::Wanted;

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::histogram::FloatHistogram;
use crate::value::ValueType;

pub(crate) use over_call::{OverCall, bad_quantile};
pub(crate) use table::find;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments.
    pub args: &'static [ValueType],
    /// 0: exactly those arguments. Positive: so many of the last may be left out. Negative: the last may be
    /// left out or repeat.
    pub variadic: i8,
    /// The type of its value.
    pub returns: ValueType,
    /// Whether Prometheus knows it only where experimental functions are switched on.
    pub experimental: bool,
    pub(crate) kind: Kind,
}

/// How a function is evaluated.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Of each value.
    Math(fn(f64) -> f64),
    /// Of each value taken as seconds since the epoch; of the time of evaluation without an argument.
    Date(fn(i64) -> f64),
    /// Of each window of each series.
    Over(Over),
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMin,
    ClampMax,
    Round,
    HistogramQuantile,
    HistogramQuantiles,
    HistogramFraction,
    /// Of each native histogram.
    Histogram(fn(&FloatHistogram) -> f64),
    Info,
    LabelReplace,
    LabelJoin,
    MinOf,
    MaxOf,
    Pi,
    /// `start`, `end`, `range`, `step` of the query.
    Query(QueryTime),
    Scalar,
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    StartTimestamp,
    Time,
    Timestamp,
    Vector,
}

/// A property of the query as a whole, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryTime {
    Start,
    End,
    Range,
    Step,
}

/// A function of windows.
#[derive(Debug)]
pub(crate) struct Over {
    /// How it is computed.
    pub(crate) apply: Apply,
    /// Which argument is the range.
    pub(crate) range_arg: usize,
    /// Whether the result is still the metric that was asked for.
    pub(crate) keeps_name: bool,
    /// Whether the metric should be a counter.
    pub(crate) counter: bool,
    /// What of the samples it needs where a store kept less than all of them.
    pub(crate) wanted: Wanted,
    /// Which windows with other ends than usual it knows how to take.
    pub(crate) extensions: Extensions,
}

/// Which windows whose ends are extended a function can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extensions {
    None,
    Anchored,
    AnchoredAndSmoothed,
}

/// How a function of windows is computed: all windows of a series at once. It leaves a cell empty where it has no value.
///
/// # Errors
/// A parameter is one that the function has no value for at all.
pub(crate) type Apply = fn(&Windows<'_>, &OverCall<'_>, &mut Column) -> Result<(), QueryError>;

impl Function {
    /// Whether the value depends on the time of evaluation itself, given `args` arguments.
    pub(crate) fn depends_on_time(&self, args: usize) -> bool {
        match self.kind {
            Kind::Time | Kind::Timestamp | Kind::StartTimestamp | Kind::Query(_) => true,
            Kind::Date(_) => args == 0,
            Kind::Over(_) => self.name == "predict_linear",
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
