//! Those who are asked: a server over HTTP, or the engine in this process.

use model::metrics::Sample;
use promql::memory::MemoryStore;
use promql::{Engine, EngineOptions, ParserOptions, QueryContext, parse_with};

use crate::Failure;
use crate::answer::Answer;
use crate::data::{DataSet, Point, SPAN_MS};
use crate::grammar::{Times, seconds};
use crate::hints::Chunk;
use crate::http::Connection;
use crate::wire;

/// A remote write request has the samples of so long: less than the hour by which Prometheus lets series lag behind each
/// other.
const BATCH_MS: i64 = 10 * 60_000;

/// Somebody who answers queries.
pub(crate) trait Side {
    /// Takes the data in.
    fn load(&mut self, data: &DataSet) -> Result<(), Failure>;

    /// Answers a query.
    fn ask(&mut self, query: &str, times: Times) -> Result<Answer, Failure>;
}

/// A server with Prometheus' HTTP API.
pub(crate) struct Server {
    connection: Connection,
}

impl Server {
    pub(crate) fn new(url: &str) -> Server {
        Server {
            connection: Connection::new(url),
        }
    }
}

impl Side for Server {
    fn load(&mut self, data: &DataSet) -> Result<(), Failure> {
        let headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
                       X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
        // The first request holds the first sample of each series and makes them all, in the order of their labels.
        let mut from_ms = data.start_ms;
        let mut to_ms = from_ms + 1;
        while from_ms <= data.start_ms + SPAN_MS {
            let mut request = Vec::new();
            data.series
                .iter()
                .for_each(|series| wire::put_series(series, from_ms, to_ms, &mut request));
            let body = snap::raw::Encoder::new().compress_vec(&request)?;
            let (status, answer) = self.connection.post("/api/v1/write", headers, &body)?;
            if !(200..300).contains(&status) {
                let text = String::from_utf8_lossy(&answer).into_owned();
                return Err(format!("remote write is answered with {status}: {text}").into());
            }
            (from_ms, to_ms) = (to_ms, to_ms + BATCH_MS);
        }
        Ok(())
    }

    fn ask(&mut self, query: &str, times: Times) -> Result<Answer, Failure> {
        let (_, body) = match times {
            Times::Instant(at_ms) => {
                let fields = [("query", query), ("time", &seconds(at_ms))];
                self.connection.form("/api/v1/query", &fields)?
            }
            Times::Range {
                start_ms,
                end_ms,
                step_ms,
            } => {
                let [start, end] = [start_ms, end_ms].map(seconds);
                // As a duration: a step in seconds goes through a float, which loses a millisecond at times.
                let step = format!("{step_ms}ms");
                let fields = [
                    ("query", query),
                    ("start", &start),
                    ("end", &end),
                    ("step", &step),
                ];
                self.connection.form("/api/v1/query_range", &fields)?
            }
        };
        Answer::from_json(&body)
    }
}

/// The engine in this process, over a store in memory.
pub(crate) struct InProcess {
    engine: Engine,
    store: MemoryStore,
}

impl InProcess {
    pub(crate) fn new(delayed_names: bool) -> InProcess {
        InProcess {
            engine: Engine::new(EngineOptions {
                delayed_name_removal: delayed_names,
                ..EngineOptions::default()
            }),
            store: MemoryStore::new(),
        }
    }
}

impl Side for InProcess {
    fn load(&mut self, data: &DataSet) -> Result<(), Failure> {
        self.store = MemoryStore::new();
        for series in &data.series {
            let mut chunk = Chunk::default();
            for &(timestamp_ms, ref point) in &series.points {
                match point {
                    Point::Float(value) => {
                        chunk.end();
                        let value = *value;
                        self.store.push(&series.labels, Sample { timestamp_ms, value });
                    }
                    Point::Histogram(h) => {
                        self.store
                            .push_histogram(&series.labels, timestamp_ms, chunk.hinted(h));
                    }
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, query: &str, times: Times) -> Result<Answer, Failure> {
        let context = QueryContext {
            text: Some(query.into()),
            ..QueryContext::default()
        };
        let answer = parse_with(query, &ParserOptions::all()).and_then(|expr| match times {
            Times::Instant(at_ms) => self.engine.instant_expr(&self.store, &expr, at_ms, &context),
            Times::Range {
                start_ms,
                end_ms,
                step_ms,
            } => self
                .engine
                .range_expr(&self.store, &expr, start_ms, end_ms, step_ms, &context),
        });
        Ok(Answer::from_engine(answer))
    }
}
