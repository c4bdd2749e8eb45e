//! From the columns of the evaluator to the values that are answered.

use std::sync::Arc;

use model::Labels;
use model::metrics::Sample;

use crate::eval::{Cell, Column, Output, Series, Steps, is_absent};
use crate::value::{InstantSample, RangeSeries, SampleValue, Value};

/// The first step of an output.
pub(super) fn instant_value(output: Output, time_ms: i64) -> Value {
    match output {
        Output::String(value) => Value::String {
            timestamp_ms: time_ms,
            value,
        },
        Output::Scalar(values) => Value::Scalar(Sample {
            timestamp_ms: time_ms,
            value: values.first().copied().unwrap_or(f64::NAN),
        }),
        Output::Vector(frame) => {
            let first = |s: Series| {
                let value = match s.column.cell(0) {
                    Cell::Absent => return None,
                    Cell::Float(value) => SampleValue::Float(value),
                    Cell::Histogram(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
                };
                Some(InstantSample {
                    labels: s.labels,
                    timestamp_ms: time_ms,
                    value,
                })
            };
            Value::Vector(frame.into_iter().filter_map(first).collect())
        }
    }
}

/// All steps of an output, sorted by labels.
pub(super) fn range_value(output: Output, steps: Steps) -> Vec<RangeSeries> {
    let frame = match output {
        Output::String(_) => Vec::new(),
        Output::Scalar(values) => vec![Series::unlabelled(values)],
        Output::Vector(frame) => frame,
    };
    let times: Arc<[i64]> = steps.iter().collect();
    let of_series = |s: Series| range_series(s.labels, s.column, steps, &times);
    let mut series: Vec<RangeSeries> = frame
        .into_iter()
        .map(of_series)
        .filter(|s| !s.is_empty())
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

fn range_series(labels: Labels, column: Column, steps: Steps, times: &Arc<[i64]>) -> RangeSeries {
    let Column { floats, histograms } = column;
    let histograms = histograms.into_iter().enumerate();
    let histograms = histograms
        .filter_map(|(i, cell)| Some((steps.at(i), cell?)))
        .collect();
    let gaps = floats.iter().any(|v| is_absent(*v));
    let (timestamps, values) = if gaps {
        let present = || floats.iter().enumerate().filter(|(_, v)| !is_absent(**v));
        (
            present().map(|(i, _)| steps.at(i)).collect(),
            present().map(|(_, v)| *v).collect(),
        )
    } else {
        (Arc::clone(times), floats.into())
    };
    RangeSeries {
        labels,
        timestamps,
        values,
        histograms,
    }
}
