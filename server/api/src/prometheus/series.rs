//! `series`, `labels` and `label/{name}/values`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use model::metrics::MetricSnapshot;
use model::{Matcher, StoreError};

use super::PrometheusState;
use super::envelope::{ApiError, ErrorType, success_with};
use super::json::{self, Pen};
use super::params::Params;

/// `GET|POST /series`
pub(super) async fn series(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let sets = params.matcher_sets()?;
    if sets.is_empty() {
        return Err(ApiError::new(ErrorType::BadData, "no match[] parameter provided"));
    }
    let limit = params.limit()?;
    on_snapshot(&state, &params, move |snapshot| {
        let mut found = BTreeSet::new();
        for matchers in &sets {
            found.extend(snapshot.series(matchers)?);
        }
        let cut = limit > 0 && found.len() > limit;
        let shown = found.iter().take(if cut { limit } else { usize::MAX });
        let write = |pen: &mut Pen| {
            pen.text("[");
            json::separated(pen, shown, json::labels);
            pen.text("]");
        };
        Ok(success_with(write, &truncation_warning(cut), &[]))
    })
    .await
}

/// `GET|POST /labels`
pub(super) async fn labels(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let sets = params.matcher_sets()?;
    let names = move |snapshot: &dyn MetricSnapshot, matchers: &[Matcher]| snapshot.label_names(matchers);
    strings(&state, &params, sets, names).await
}

/// `GET /label/{name}/values`
pub(super) async fn label_values(
    State(state): State<PrometheusState>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    if name.is_empty() {
        return Err(ApiError::new(
            ErrorType::BadData,
            format!("invalid label name: {name:?}"),
        ));
    }
    let sets = params.matcher_sets()?;
    let name = unescape(&name);
    let values =
        move |snapshot: &dyn MetricSnapshot, matchers: &[Matcher]| snapshot.label_values(&name, matchers);
    strings(&state, &params, sets, values).await
}

/// Undoes the escaping `U__…_2e_…` by which clients put a UTF-8 name into a URL.
fn unescape(name: &str) -> String {
    let Some(rest) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::new();
    let mut pieces = rest.split('_');
    out.push_str(pieces.next().unwrap_or(""));
    while let Some(piece) = pieces.next() {
        if piece.is_empty() {
            // Two underscores stand for one.
            out.push('_');
            out.push_str(pieces.next().unwrap_or(""));
            continue;
        }
        match u32::from_str_radix(piece, 16).ok().and_then(char::from_u32) {
            Some(c) => out.push(c),
            None => return name.to_owned(),
        }
        out.push_str(pieces.next().unwrap_or(""));
    }
    out
}

async fn strings(
    state: &PrometheusState,
    params: &Params,
    mut sets: Vec<Vec<Matcher>>,
    ask: impl Fn(&dyn MetricSnapshot, &[Matcher]) -> Result<Vec<String>, StoreError> + Send + 'static,
) -> Result<Response, ApiError> {
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    let limit = params.limit()?;
    on_snapshot(state, params, move |snapshot| {
        let mut all = BTreeSet::new();
        for matchers in &sets {
            all.extend(ask(snapshot, matchers)?);
        }
        let cut = limit > 0 && all.len() > limit;
        let shown = all.iter().take(if cut { limit } else { usize::MAX });
        let write = |pen: &mut Pen| {
            pen.text("[");
            json::separated(pen, shown, |pen, text| json::string(pen, text));
            pen.text("]");
        };
        Ok(success_with(write, &truncation_warning(cut), &[]))
    })
    .await
}

fn truncation_warning(cut: bool) -> Vec<String> {
    if cut {
        vec!["results truncated due to limit".to_owned()]
    } else {
        Vec::new()
    }
}

/// Asks on the query pool, and writes the answer there: it can be large.
async fn on_snapshot(
    state: &PrometheusState,
    params: &Params,
    ask: impl FnOnce(&dyn MetricSnapshot) -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let start_ms = params.time_ms("start", i64::MIN)?;
    let end_ms = params.time_ms("end", i64::MAX)?;
    if end_ms < start_ms {
        return Err(ApiError::parameter(
            "end",
            "end timestamp must not be before start timestamp",
        ));
    }
    let metrics = Arc::clone(&state.metrics);
    let work = move || ask(&*metrics.snapshot(start_ms, end_ms)?);
    state.pool.run_within(state.query_timeout, work).await?
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn utf8_names_in_urls() {
        assert_eq!(unescape("job"), "job");
        assert_eq!(unescape("U__http_2e_status"), "http.status");
        assert_eq!(unescape("U__a__b"), "a_b");
        assert_eq!(unescape("U__a_zz_b"), "U__a_zz_b");
    }
}
