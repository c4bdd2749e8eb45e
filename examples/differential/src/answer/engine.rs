//! Answers of the engine in this process.

use model::Labels;
use promql::{QueryError, QueryResult};

use super::{Answer, Cell, Row, Value};

impl Answer {
    /// The answer that the engine gave.
    pub(crate) fn from_engine(result: Result<QueryResult, QueryError>) -> Answer {
        let result = match result {
            Ok(result) => result,
            Err(error) => return Answer::error(error.error_type(), &error.to_string()),
        };
        let kind = result.value.value_type().as_str().to_owned();
        let rows = match result.value {
            promql::Value::Scalar(s) => vec![row(
                &Labels::empty(),
                vec![(s.timestamp_ms, Cell::Float(s.value))],
            )],
            promql::Value::String { timestamp_ms, value } => {
                vec![row(&Labels::empty(), vec![(timestamp_ms, Cell::Text(value))])]
            }
            promql::Value::Vector(samples) => samples
                .iter()
                .map(|s| {
                    row(
                        &s.labels,
                        vec![(s.sample.timestamp_ms, Cell::Float(s.sample.value))],
                    )
                })
                .collect(),
            promql::Value::Matrix(series) => series
                .iter()
                .map(|s| {
                    let floats = s.samples.iter().map(|s| (s.timestamp_ms, Cell::Float(s.value)));
                    row(&s.labels, floats.collect())
                })
                .collect(),
        };
        Answer::Value(Value {
            kind,
            rows,
            warnings: result.warnings.into_iter().collect(),
            infos: result.infos.into_iter().collect(),
        })
    }
}

fn row(labels: &Labels, cells: Vec<(i64, Cell)>) -> Row {
    Row {
        labels: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        cells,
    }
}
