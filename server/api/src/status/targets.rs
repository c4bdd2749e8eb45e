//! `targets`, `targets/metadata`, `scrape_pools`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use collector::scrape::{ActiveTarget, ScrapeManager};
use model::{Labels, Matcher};
use serde::Serialize;
use serde_json::{Value, json};

use super::{StatusState, number, rfc3339};
use crate::prometheus::envelope::{ApiError, success};
use crate::prometheus::params::{Params, parse_selector};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active<'a> {
    discovered_labels: BTreeMap<&'a str, &'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    scrape_pool: &'a str,
    scrape_url: &'a str,
    global_url: &'a str,
    last_error: &'a str,
    last_scrape: String,
    last_scrape_duration: Value,
    health: &'static str,
    scrape_interval: &'a str,
    scrape_timeout: &'a str,
}

/// `GET /targets?state=active|dropped|any&scrapePool=`
pub(super) async fn targets(State(state): State<StatusState>, params: Params) -> Result<Response, ApiError> {
    let targets = Arc::clone(&state.targets);
    Ok(state.pool.run(move || listing(&targets, &params)).await?)
}

fn listing(targets: &ScrapeManager, params: &Params) -> Response {
    let shown = params.get("state").map(str::to_ascii_lowercase);
    let (active, dropped) = match shown.as_deref() {
        Some("active") => (true, false),
        Some("dropped") => (false, true),
        _ => (true, true),
    };
    let pool = params.get("scrapePool").unwrap_or("");
    let wanted = |of: &str| pool.is_empty() || pool == of;
    let all = targets.targets();
    let active_targets: Vec<Active> = all
        .active
        .iter()
        .filter(|t| active && wanted(&t.scrape_pool))
        .map(view)
        .collect();
    let dropped_targets: Vec<Value> = all
        .dropped
        .iter()
        .filter(|t| dropped && wanted(&t.scrape_pool))
        .map(|t| json!({ "discoveredLabels": map(&t.discovered_labels), "scrapePool": t.scrape_pool }))
        .collect();
    success(&json!({
        "activeTargets": active_targets,
        "droppedTargets": dropped_targets,
        "droppedTargetCounts": all.dropped_counts,
    }))
}

fn view(target: &ActiveTarget) -> Active<'_> {
    Active {
        discovered_labels: map(&target.discovered_labels),
        labels: map(&target.labels),
        scrape_pool: &target.scrape_pool,
        scrape_url: &target.scrape_url,
        global_url: &target.global_url,
        last_error: &target.last_error,
        last_scrape: rfc3339(target.last_scrape_ms),
        last_scrape_duration: number(target.last_scrape_duration_seconds),
        health: target.health.as_str(),
        scrape_interval: &target.scrape_interval,
        scrape_timeout: &target.scrape_timeout,
    }
}

fn map(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

/// `GET /scrape_pools`
pub(super) async fn pools(State(state): State<StatusState>) -> Result<Response, ApiError> {
    let targets = Arc::clone(&state.targets);
    let work = move || {
        let all = targets.targets();
        let active = all.active.iter().map(|t| t.scrape_pool.as_str());
        let dropped = all.dropped_counts.keys().map(String::as_str);
        let pools: BTreeSet<&str> = active.chain(dropped).collect();
        success(&json!({ "scrapePools": pools }))
    };
    Ok(state.pool.run(work).await?)
}

/// `GET /targets/metadata?match_target=&metric=&limit=`
pub(super) async fn metadata(State(state): State<StatusState>, params: Params) -> Result<Response, ApiError> {
    let limit = match params.limit()? {
        0 => usize::MAX,
        limit => limit,
    };
    let matchers = match params.get("match_target") {
        None => Vec::new(),
        Some(text) => parse_selector("match_target", text)?,
    };
    let targets = Arc::clone(&state.targets);
    let work = move || families(&targets, &matchers, params.get("metric"), limit);
    Ok(state.pool.run(work).await?)
}

fn families(targets: &ScrapeManager, matchers: &[Matcher], metric: Option<&str>, limit: usize) -> Response {
    let mut found = Vec::new();
    for target in targets.metadata() {
        if !matchers
            .iter()
            .all(|m: &Matcher| m.matches_labels(&target.target))
        {
            continue;
        }
        let labels = map(&target.target);
        for (family, of) in &target.families {
            if metric.is_some_and(|metric| metric != family) || found.len() >= limit {
                continue;
            }
            let mut entry = json!({
                "target": labels,
                "type": of.metric_type.as_str(),
                "help": of.help,
                "unit": of.unit,
            });
            if metric.is_none() {
                entry["metric"] = json!(family);
            }
            found.push(entry);
        }
    }
    success(&found)
}
