//! Name, types and evaluation of every function.

use model::metrics::Wanted;

use super::{
    Apply, Extensions, Function, Kind, Over, QueryTime, date, math, over_time, pairs, rate, regression,
};
use crate::go_math;
use crate::histogram::FloatHistogram;
use crate::value::ValueType::{self, Matrix, Scalar, String, Vector};

/// The function called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

/// All of them.
#[cfg(test)]
pub(super) fn all() -> &'static [Function] {
    FUNCTIONS
}

const fn function(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
    kind: Kind,
) -> Function {
    variadic(name, args, 0, returns, kind)
}

const fn variadic(
    name: &'static str,
    args: &'static [ValueType],
    variadic: i8,
    returns: ValueType,
    kind: Kind,
) -> Function {
    Function {
        name,
        args,
        variadic,
        returns,
        experimental: false,
        kind,
    }
}

const fn experimental(function: Function) -> Function {
    Function {
        experimental: true,
        ..function
    }
}

/// Vector to vector.
const fn vector(name: &'static str, kind: Kind) -> Function {
    function(name, &[Vector], Vector, kind)
}

const fn math(name: &'static str, f: fn(f64) -> f64) -> Function {
    vector(name, Kind::Math(f))
}

const fn date(name: &'static str, f: fn(i64) -> f64) -> Function {
    variadic(name, &[Vector], 1, Vector, Kind::Date(f))
}

const fn histogram(name: &'static str, f: fn(&FloatHistogram) -> f64) -> Function {
    vector(name, Kind::Histogram(f))
}

const PLAIN: Over = Over {
    apply: over_time::count,
    range_arg: 0,
    keeps_name: false,
    counter: false,
    wanted: Wanted::Last,
    extensions: Extensions::None,
};

const fn over(name: &'static str, apply: Apply) -> Function {
    over_as(name, Over { apply, ..PLAIN })
}

const fn over_as(name: &'static str, over: Over) -> Function {
    function(name, &[Matrix], Vector, Kind::Over(over))
}

/// Over the samples of windows, of which a store that no longer has them can say what is needed.
const fn over_known(name: &'static str, apply: Apply, wanted: Wanted) -> Function {
    over_as(
        name,
        Over {
            apply,
            wanted,
            ..PLAIN
        },
    )
}

const fn over_keeping_name(name: &'static str, apply: Apply) -> Function {
    over_as(
        name,
        Over {
            apply,
            keeps_name: true,
            ..PLAIN
        },
    )
}

/// The change over windows, whatever their ends.
const fn change(name: &'static str, apply: Apply, counter: bool) -> Function {
    over_as(
        name,
        Over {
            apply,
            counter,
            wanted: if counter { Wanted::Counter } else { Wanted::Last },
            extensions: Extensions::AnchoredAndSmoothed,
            ..PLAIN
        },
    )
}

/// Pairs of samples in windows that can be anchored.
const fn pairs(name: &'static str, apply: Apply, wanted: Wanted) -> Function {
    over_as(
        name,
        Over {
            apply,
            wanted,
            extensions: Extensions::Anchored,
            ..PLAIN
        },
    )
}

static FUNCTIONS: &[Function] = &[
    math("abs", f64::abs),
    vector("absent", Kind::Absent),
    function("absent_over_time", &[Matrix], Vector, Kind::AbsentOverTime),
    math("acos", go_math::acos),
    math("acosh", go_math::acosh),
    math("asin", go_math::asin),
    math("asinh", go_math::asinh),
    math("atan", go_math::atan),
    math("atanh", go_math::atanh),
    over_known("avg_over_time", over_time::avg, Wanted::Mean),
    math("ceil", f64::ceil),
    pairs("changes", pairs::changes, Wanted::Last),
    function("clamp", &[Vector, Scalar, Scalar], Vector, Kind::Clamp),
    function("clamp_max", &[Vector, Scalar], Vector, Kind::ClampMax),
    function("clamp_min", &[Vector, Scalar], Vector, Kind::ClampMin),
    math("cos", go_math::cos),
    math("cosh", go_math::cosh),
    over_known("count_over_time", over_time::count, Wanted::Count),
    date("days_in_month", date::days_in_month),
    date("day_of_month", date::day_of_month),
    date("day_of_week", date::day_of_week),
    date("day_of_year", date::day_of_year),
    math("deg", math::deg),
    change("delta", rate::delta, false),
    over("deriv", regression::deriv),
    experimental(function(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        Kind::Over(Over {
            apply: regression::double_exponential_smoothing,
            ..PLAIN
        }),
    )),
    experimental(function("end", &[], Scalar, Kind::Query(QueryTime::End))),
    math("exp", go_math::exp),
    over_keeping_name("first_over_time", over_time::first),
    math("floor", f64::floor),
    histogram("histogram_avg", FloatHistogram::mean),
    histogram("histogram_count", |h| h.count),
    function(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Vector,
        Kind::HistogramFraction,
    ),
    function(
        "histogram_quantile",
        &[Scalar, Vector],
        Vector,
        Kind::HistogramQuantile,
    ),
    experimental(variadic(
        "histogram_quantiles",
        &[Vector, String, Scalar, Scalar],
        9,
        Vector,
        Kind::HistogramQuantiles,
    )),
    histogram("histogram_stddev", |h| h.variance().sqrt()),
    histogram("histogram_stdvar", FloatHistogram::variance),
    histogram("histogram_sum", |h| h.sum),
    date("hour", date::hour),
    over("idelta", rate::idelta),
    change("increase", rate::increase, true),
    experimental(variadic("info", &[Vector, Vector], 1, Vector, Kind::Info)),
    over_known("irate", rate::irate, Wanted::Counter),
    variadic(
        "label_join",
        &[Vector, String, String, String],
        -1,
        Vector,
        Kind::LabelJoin,
    ),
    function(
        "label_replace",
        &[Vector, String, String, String, String],
        Vector,
        Kind::LabelReplace,
    ),
    over_keeping_name("last_over_time", over_time::last),
    math("ln", go_math::ln),
    math("log10", go_math::log10),
    math("log2", go_math::log2),
    experimental(over("mad_over_time", over_time::mad)),
    experimental(function("max_of", &[Scalar, Scalar], Scalar, Kind::MaxOf)),
    over_known("max_over_time", over_time::max, Wanted::Max),
    experimental(function("min_of", &[Scalar, Scalar], Scalar, Kind::MinOf)),
    over_known("min_over_time", over_time::min, Wanted::Min),
    date("minute", date::minute),
    date("month", date::month),
    function("pi", &[], Scalar, Kind::Pi),
    function(
        "predict_linear",
        &[Matrix, Scalar],
        Vector,
        Kind::Over(Over {
            apply: regression::predict_linear,
            ..PLAIN
        }),
    ),
    over("present_over_time", over_time::present),
    function(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        Kind::Over(Over {
            apply: over_time::quantile,
            range_arg: 1,
            ..PLAIN
        }),
    ),
    math("rad", math::rad),
    experimental(function("range", &[], Scalar, Kind::Query(QueryTime::Range))),
    change("rate", rate::rate, true),
    pairs("resets", pairs::resets, Wanted::Counter),
    variadic("round", &[Vector, Scalar], 1, Vector, Kind::Round),
    function("scalar", &[Vector], Scalar, Kind::Scalar),
    math("sgn", math::sgn),
    math("sin", go_math::sin),
    math("sinh", go_math::sinh),
    vector("sort", Kind::Sort { descending: false }),
    experimental(variadic(
        "sort_by_label",
        &[Vector, String],
        -1,
        Vector,
        Kind::SortByLabel { descending: false },
    )),
    experimental(variadic(
        "sort_by_label_desc",
        &[Vector, String],
        -1,
        Vector,
        Kind::SortByLabel { descending: true },
    )),
    vector("sort_desc", Kind::Sort { descending: true }),
    math("sqrt", f64::sqrt),
    experimental(function("start", &[], Scalar, Kind::Query(QueryTime::Start))),
    experimental(vector("start_timestamp", Kind::StartTimestamp)),
    over("stddev_over_time", over_time::stddev),
    over("stdvar_over_time", over_time::stdvar),
    experimental(function("step", &[], Scalar, Kind::Query(QueryTime::Step))),
    over_known("sum_over_time", over_time::sum, Wanted::Sum),
    math("tan", go_math::tan),
    math("tanh", go_math::tanh),
    function("time", &[], Scalar, Kind::Time),
    vector("timestamp", Kind::Timestamp),
    experimental(over("ts_of_first_over_time", over_time::ts_of_first)),
    experimental(over("ts_of_last_over_time", over_time::ts_of_last)),
    experimental(over("ts_of_max_over_time", over_time::ts_of_max)),
    experimental(over("ts_of_min_over_time", over_time::ts_of_min)),
    function("vector", &[Scalar], Vector, Kind::Vector),
    date("year", date::year),
];
