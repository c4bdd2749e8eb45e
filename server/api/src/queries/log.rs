//! The query log: a JSON object a line for each query that ended, with the members of Prometheus' query log.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::{Asked, Outcome};

/// An open log. A line is one write, so that lines of several threads never mix.
pub struct QueryLog {
    file: File,
    failing: AtomicBool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    msg: &'static str,
    params: Params<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    stats: &'a serde_json::Value,
    #[serde(rename = "httpRequest")]
    http_request: HttpRequest<'a>,
}

#[derive(Serialize)]
struct Params<'a> {
    query: &'a str,
    start: String,
    end: String,
    /// Seconds.
    step: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpRequest<'a> {
    #[serde(rename = "clientIP")]
    client_ip: String,
    method: &'a str,
    path: &'a str,
}

impl QueryLog {
    /// Opens the file at `path` for appending.
    ///
    /// # Errors
    /// It cannot be opened or made.
    pub fn open(path: &Path) -> io::Result<QueryLog> {
        Ok(QueryLog {
            file: File::options().create(true).append(true).open(path)?,
            failing: AtomicBool::new(false),
        })
    }

    pub(super) fn write(&self, now_ms: i64, asked: &Asked, outcome: &Outcome) {
        let line = Line {
            time: rfc3339(now_ms),
            level: "INFO",
            msg: "promql query logged",
            params: Params {
                query: &asked.query,
                start: rfc3339(asked.start_ms),
                end: rfc3339(asked.end_ms),
                step: asked.step_ms / 1000,
            },
            error: outcome.error.as_deref(),
            stats: &outcome.stats,
            http_request: HttpRequest {
                client_ip: asked.client.map(|ip| ip.to_string()).unwrap_or_default(),
                method: &asked.method,
                path: &asked.path,
            },
        };
        let Ok(mut text) = serde_json::to_vec(&line) else {
            return;
        };
        text.push(b'\n');
        let written = (&self.file).write_all(&text);
        // Told when it begins, not for every query.
        if let Err(error) = &written
            && !self.failing.load(Ordering::Relaxed)
        {
            tracing::error!(%error, "the query log cannot be written");
        }
        self.failing.store(written.is_err(), Ordering::Relaxed);
    }
}

/// With milliseconds, as Prometheus shows times in this log.
fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
}
