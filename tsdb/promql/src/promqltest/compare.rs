//! Compares what came with what was expected. Floats are equal within a share of [`EPSILON`], histograms after both were
//! compacted; a hint on counter resets matters only where one is expected.

use std::fmt;
use std::sync::Arc;

use model::Labels;

use super::expect::Expect;
use super::script::Times;
use crate::notation::{Notation, SeriesValue, WrittenHistogram};
use crate::numeric::{almost_equal, format_float};
use crate::{FloatHistogram, RangeSeries, SampleValue, Value};

/// Floats are equal within this share.
const EPSILON: f64 = 1e-6;

/// The text of a value that came.
struct Told<'a>(&'a SampleValue);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SampleValue::Float(x) => f.write_str(&format_float(*x)),
            SampleValue::Histogram(histogram) => Notation(histogram).fmt(f),
        }
    }
}

/// Compares the value of an instant query.
pub(super) fn value(value: &Value, expect: &Expect) -> Result<(), String> {
    let is = match value {
        Value::String { value, .. } => match &expect.string {
            Some(expected) if value == expected => return Ok(()),
            _ => format!("the string {value:?}"),
        },
        Value::Scalar(sample) => return scalar(sample.value, expect),
        Value::Matrix(series) => match expect.range {
            Some(times) => return matrix(series, expect, times),
            None => "a range vector".to_owned(),
        },
        Value::Vector(samples) if expect.scalar.is_none() && expect.string.is_none() => {
            let got: Vec<_> = samples.iter().map(|s| (&s.labels, s.value.clone())).collect();
            return vector(&got, expect);
        }
        Value::Vector(_) => "an instant vector".to_owned(),
    };
    Err(format!("expected something else, got {is}"))
}

/// Compares one step of a range query with what is expected of an instant.
pub(super) fn middle(matrix: &[RangeSeries], at_ms: i64, expect: &Expect) -> Result<(), String> {
    sorted(matrix)?;
    let here = |series| {
        let all = samples(series).into_iter();
        let found = all.filter(|(time, _)| *time == at_ms).map(|(_, got)| got).next();
        found.map(|got| (&series.labels, got))
    };
    let got: Vec<_> = matrix.iter().filter_map(here).collect();
    match (expect.scalar, got.as_slice()) {
        (None, _) => vector(&got, expect),
        (Some(_), [(_, SampleValue::Float(x))]) => scalar(*x, expect),
        (Some(_), _) => Err("expected one number".to_owned()),
    }
}

fn scalar(got: f64, expect: &Expect) -> Result<(), String> {
    match expect.scalar {
        Some(expected) if almost_equal(got, expected, EPSILON) => Ok(()),
        Some(expected) => Err(format!("expected {expected}, got {got}")),
        None => Err(format!("expected no number, got {got}")),
    }
}

fn vector(got: &[(&Labels, SampleValue)], expect: &Expect) -> Result<(), String> {
    for (i, (labels, got)) in got.iter().enumerate() {
        let found = expect.series.iter().position(|(other, _)| other == *labels);
        let Some((at, (_, values))) = found.and_then(|at| Some((at, expect.series.get(at)?))) else {
            return Err(format!("unexpected series {labels} {}", Told(got)));
        };
        if expect.ordered && at != i {
            return Err(format!("{labels} is at position {i}, expected at {at}"));
        }
        match values.as_slice() {
            [expected] if same(got, expected) => {}
            expected => return Err(format!("{labels} is {}, expected {}", Told(got), list(expected))),
        }
    }
    nothing_missing(expect, |labels| got.iter().any(|(other, _)| *other == labels))
}

/// Compares the value of a range query, or a range vector.
pub(super) fn matrix(matrix: &[RangeSeries], expect: &Expect, times: Times) -> Result<(), String> {
    if expect.ordered || expect.scalar.is_some() || expect.string.is_some() {
        return Err("expected something else, got a matrix".to_owned());
    }
    sorted(matrix)?;
    for series in matrix {
        let found = expect.series.iter().find(|(labels, _)| *labels == series.labels);
        let got = samples(series);
        let Some((labels, expected)) = found else {
            return Err(format!("unexpected series {} {}", series.labels, told(&got)));
        };
        over_time(&got, expected, times).map_err(|e| format!("{labels}: {e}; all: {}", told(&got)))?;
    }
    nothing_missing(expect, |labels| matrix.iter().any(|s| s.labels == *labels))
}

fn over_time(got: &[(i64, SampleValue)], expected: &[SeriesValue], times: Times) -> Result<(), String> {
    let mut left = got.iter().peekable();
    let steps = (0..).map(|i: i64| times.start_ms + i * times.step_ms);
    for (time, expected) in steps.zip(expected) {
        if time > times.end_ms {
            return Err(format!("{expected} is expected after the end"));
        }
        match (left.next_if(|(t, _)| *t <= time), expected) {
            (None, SeriesValue::Gap) => {}
            (None, expected) => return Err(format!("at {time}ms is nothing, expected {expected}")),
            (Some((at, got)), expected) if *at != time || !same(got, expected) => {
                return Err(format!("at {at}ms is {}, expected {expected}", Told(got)));
            }
            (Some(_), _) => {}
        }
    }
    match left.next() {
        Some((at, got)) => Err(format!("unexpected {} at {at}ms", Told(got))),
        None => Ok(()),
    }
}

fn nothing_missing(expect: &Expect, is_there: impl Fn(&Labels) -> bool) -> Result<(), String> {
    match expect.series.iter().find(|(labels, _)| !is_there(labels)) {
        Some((labels, values)) => Err(format!("missing series {labels} {}", list(values))),
        None => Ok(()),
    }
}

fn sorted(matrix: &[RangeSeries]) -> Result<(), String> {
    match matrix
        .windows(2)
        .find(|pair| pair.first().map(|s| &s.labels) > pair.last().map(|s| &s.labels))
    {
        Some(pair) => Err(format!(
            "not sorted: {:?}",
            pair.iter().map(|s| &s.labels).collect::<Vec<_>>()
        )),
        None => Ok(()),
    }
}

fn same(got: &SampleValue, expected: &SeriesValue) -> bool {
    match (got, expected) {
        (SampleValue::Float(x), SeriesValue::Float(y)) => almost_equal(*x, *y, EPSILON),
        (SampleValue::Histogram(x), SeriesValue::Histogram(y)) => same_histogram(x, y),
        _ => false,
    }
}

fn same_histogram(got: &FloatHistogram, expected: &WrittenHistogram) -> bool {
    let compacted = |histogram: &FloatHistogram| {
        let mut histogram = histogram.clone();
        histogram.compact(0);
        histogram
    };
    let (x, y) = (compacted(got), compacted(&expected.histogram));
    let almost = |x, y| almost_equal(x, y, EPSILON);
    let sides = [(&x.positive, &y.positive), (&x.negative, &y.negative)];
    x.schema == y.schema
        && almost(x.count, y.count)
        && almost(x.sum, y.sum)
        && x.zero_threshold == y.zero_threshold
        && almost(x.zero_count, y.zero_count)
        && (!x.has_custom_buckets() || x.custom_values == y.custom_values)
        && (!expected.has_hint || x.reset_hint == y.reset_hint)
        && sides.iter().all(|(x, y)| {
            let mut pairs = x.iter().zip(y.iter());
            x.buckets.len() == y.buckets.len() && pairs.all(|((i, n), (j, m))| i == j && almost(n, m))
        })
}

/// The samples of a series in order of time.
fn samples(series: &RangeSeries) -> Vec<(i64, SampleValue)> {
    let floats = series
        .floats()
        .map(|s| (s.timestamp_ms, SampleValue::Float(s.value)));
    let histograms = series.histograms.iter();
    let histograms = histograms.map(|(t, h)| (*t, SampleValue::Histogram(Arc::clone(h))));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(time, _)| *time);
    all
}

fn told(samples: &[(i64, SampleValue)]) -> String {
    let texts: Vec<String> = samples
        .iter()
        .map(|(t, got)| format!("{}@{t}ms", Told(got)))
        .collect();
    texts.join(" ")
}

fn list(values: &[SeriesValue]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(" ")
}
