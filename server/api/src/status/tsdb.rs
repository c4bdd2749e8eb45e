//! `status/tsdb` and `status/walreplay`.

use std::sync::Arc;

use ::tsdb::Tsdb;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::StatusState;
use crate::prometheus::envelope::{ApiError, ErrorType, success};
use crate::prometheus::params::Params;

#[derive(Serialize)]
struct Count {
    name: String,
    value: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Count>,
    label_value_count_by_label_name: Vec<Count>,
    memory_in_bytes_by_label_name: Vec<Count>,
    series_count_by_label_value_pair: Vec<Count>,
}

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 10_000;

/// `GET /status/tsdb?limit=`
pub(super) async fn tsdb(State(state): State<StatusState>, params: Params) -> Result<Response, ApiError> {
    let bad = |why: String| ApiError::new(ErrorType::BadData, why);
    let limit = match params.get("limit").map(str::parse::<usize>) {
        None => DEFAULT_LIMIT,
        Some(Ok(0) | Err(_)) => return Err(bad("limit must be a positive number".to_owned())),
        Some(Ok(limit)) if limit > MAX_LIMIT => {
            return Err(bad(format!("limit must not exceed {MAX_LIMIT}")));
        }
        Some(Ok(limit)) => limit,
    };
    let tsdb = Arc::clone(&state.tsdb);
    state.pool.run(move || statistics(&tsdb, limit)).await?
}

fn statistics(tsdb: &Tsdb, limit: usize) -> Result<Response, ApiError> {
    let (stats, top) = (tsdb.stats()?, tsdb.cardinality(limit));
    let counts = |list: Vec<(String, u64)>| {
        list.into_iter()
            .map(|(name, value)| Count { name, value })
            .collect()
    };
    Ok(success(&TsdbStatus {
        head_stats: HeadStats {
            num_series: stats.head_series,
            num_label_pairs: top.label_pairs,
            chunk_count: stats.head_chunks,
            // What Prometheus says of an empty head.
            min_time: stats.head_min_ms.unwrap_or(i64::MAX),
            max_time: stats.head_max_ms.unwrap_or(i64::MIN),
        },
        series_count_by_metric_name: counts(top.series_by_metric_name),
        label_value_count_by_label_name: counts(top.values_by_label_name),
        memory_in_bytes_by_label_name: counts(top.bytes_by_label_name),
        series_count_by_label_value_pair: counts(top.series_by_label_pair),
    }))
}

#[derive(Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

/// `GET /status/walreplay`: how many segments of the log there are to replay and how many are; queries wait for it.
pub(super) async fn wal_replay(State(state): State<StatusState>) -> Response {
    let progress = state.tsdb.replay_progress();
    success(&WalReplay {
        min: 0,
        max: progress.total,
        current: progress.done,
    })
}
