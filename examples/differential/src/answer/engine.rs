//! Answers of the engine in this process.

use model::Labels;
use promql::Bucket as EngineBucket;
use promql::{FloatHistogram, InstantSample, QueryError, QueryResult, RangeSeries, SampleValue};

use super::{Answer, Bucket, Cell, Distribution, Row, Value};

impl Answer {
    /// The answer that the engine gave.
    pub(crate) fn from_engine(result: Result<QueryResult, QueryError>) -> Answer {
        let result = match result {
            Ok(result) => result,
            Err(error) => return Answer::error(error.error_type(), &error.to_string()),
        };
        let kind = result.value.value_type().as_str().to_owned();
        let rows = match result.value {
            promql::Value::Scalar(s) => row(&Labels::empty(), vec![(s.timestamp_ms, Cell::Float(s.value))]),
            promql::Value::String { timestamp_ms, value } => {
                row(&Labels::empty(), vec![(timestamp_ms, Cell::Text(value))])
            }
            promql::Value::Vector(samples) => samples.iter().flat_map(sample).collect(),
            promql::Value::Matrix(all) => all.iter().flat_map(series).collect(),
        };
        Answer::Value(Value {
            kind,
            rows,
            warnings: result.warnings.into_iter().collect(),
            infos: result.infos.into_iter().collect(),
        })
    }
}

fn row(labels: &Labels, cells: Vec<(i64, Cell)>) -> Vec<Row> {
    let labels = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    vec![Row { labels, cells }]
}

fn sample(sample: &InstantSample) -> Vec<Row> {
    let cell = match &sample.value {
        SampleValue::Float(value) => Cell::Float(*value),
        SampleValue::Histogram(h) => Cell::Histogram(distribution(h)),
    };
    row(&sample.labels, vec![(sample.timestamp_ms, cell)])
}

fn series(series: &RangeSeries) -> Vec<Row> {
    let floats = series.floats().map(|s| (s.timestamp_ms, Cell::Float(s.value)));
    let histograms = series
        .histograms
        .iter()
        .map(|(at, h)| (*at, Cell::Histogram(distribution(h))));
    row(&series.labels, floats.chain(histograms).collect())
}

fn distribution(h: &FloatHistogram) -> Distribution {
    Distribution {
        count: h.count,
        sum: h.sum,
        buckets: h.buckets().filter(|b| b.count != 0.0).map(bucket).collect(),
    }
}

/// A bucket with the number that stands for its kind of ends in the HTTP API.
fn bucket(b: EngineBucket) -> Bucket {
    let ends = match (b.lower_inclusive, b.upper_inclusive) {
        (false, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
        (true, true) => 3,
    };
    (ends, b.lower, b.upper, b.count)
}
