//! The functions of the language: one table, one file a family.
//!
//! A function over ranges sees one [`Window`](crate::eval::Window) of one series at a time; a function of
//! vectors sees whole columns. Semantics are those of Prometheus' documentation of its query functions.

pub(crate) mod date;
pub(crate) mod math;
pub(crate) mod over_time;
pub(crate) mod rate;
pub(crate) mod regression;
mod table;

use model::metrics::Wanted;

use crate::QueryError;
use crate::annotations::Annotations;
use crate::ast::{Expr, Span};
use crate::eval::{Column, Window, Windows};
use crate::value::ValueType;

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
    /// Of native histograms only, of which there are none.
    NativeHistogram,
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
    /// What the scalar arguments must be.
    pub(crate) param_check: ParamCheck,
}

/// How a function of windows is computed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Apply {
    /// All windows of a series at once; it leaves a cell empty where it has no value.
    Whole(fn(&Windows<'_>, &OverCall<'_>, &mut Column)),
    /// Each window that has a float by itself, with the scalar arguments at its step.
    Each(fn(&Window<'_>, &[f64]) -> Option<f64>),
}

/// What a function of windows is called with besides the windows of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverCall<'a> {
    /// The scalar arguments in order, each a value a step.
    pub(crate) params: &'a [Vec<f64>],
    /// Where to say what is probably not meant.
    pub(crate) notes: &'a Annotations,
    /// Where the call stands.
    pub(crate) span: Span,
    /// Where its arguments stand, the range among them.
    pub(crate) arg_spans: &'a [Span],
    /// The name of the series' metric, "" where there is none.
    pub(crate) metric_name: &'a str,
    /// Whether the start timestamps of samples count, see [`EngineOptions`](crate::EngineOptions).
    pub(crate) start_timestamps: bool,
}

impl OverCall<'_> {
    /// The `i`th scalar argument at a step.
    pub(crate) fn param(&self, i: usize, step: usize) -> f64 {
        let column = self.params.get(i);
        column
            .and_then(|column| column.get(step))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// Where the `i`th argument stands.
    pub(crate) fn arg_span(&self, i: usize) -> Span {
        self.arg_spans.get(i).copied().unwrap_or(self.span)
    }
}

/// What the scalar arguments of a function over ranges must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParamCheck {
    /// Anything.
    None,
    /// A quantile, else a warning.
    Quantile,
    /// Two factors strictly between 0 and 1, else an error.
    Smoothing,
}

impl Function {
    /// Whether the value depends on the time of evaluation itself, given `args` arguments.
    pub(crate) fn depends_on_time(&self, args: usize) -> bool {
        match self.kind {
            Kind::Time | Kind::Timestamp | Kind::Query(_) => true,
            Kind::Date(_) => args == 0,
            Kind::Over(_) => self.name == "predict_linear",
            _ => false,
        }
    }

    /// Whether the arguments fit.
    pub(crate) fn check_args(&self, args: &[Expr]) -> Result<(), QueryError> {
        let (name, count) = (self.name, self.args.len());
        let least = match self.variadic {
            0 => count,
            negative if negative < 0 => count - 1,
            optional => count.saturating_sub(usize::from(optional.unsigned_abs())),
        };
        let most = match self.variadic {
            negative if negative < 0 => usize::MAX,
            0 | 1 => count,
            repeated => count - 1 + usize::from(repeated.unsigned_abs()),
        };
        if args.len() < least || args.len() > most {
            let got = args.len();
            return Err(QueryError::parse(format!(
                "expected {count} argument(s) in call to {name:?}, got {got}"
            )));
        }
        for (i, arg) in args.iter().enumerate() {
            let wanted = self.args.get(i).or(self.args.last()).copied();
            if wanted.is_some_and(|w| w != arg.value_type()) {
                let wanted = wanted.map_or("", ValueType::documented);
                let got = arg.value_type().documented();
                return Err(QueryError::parse(format!(
                    "expected type {wanted} in call to function {name:?}, got {got}"
                )));
            }
        }
        Ok(())
    }
}
