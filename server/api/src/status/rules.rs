//! `rules` and `alerts`.

use std::collections::BTreeMap;
use std::sync::Arc;

use alertmanager::rules::{ActiveAlert, GroupStatus, RuleStatus};
use axum::extract::State;
use axum::response::Response;
use model::{Labels, Matcher};
use serde::Serialize;
use serde_json::{Value, json};

use super::{StatusState, number, rfc3339};
use crate::prometheus::envelope::{ApiError, success};
use crate::prometheus::params::Params;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    file: String,
    rules: Vec<Value>,
    interval: Value,
    limit: usize,
    evaluation_time: Value,
    last_evaluation: String,
}

/// What the parameters ask for.
struct Filter {
    kind: Option<&'static str>,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    matchers: Vec<Vec<Matcher>>,
    with_alerts: bool,
}

impl Filter {
    fn read(params: &Params) -> Result<Filter, ApiError> {
        let kind = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("alert") => Some("alerting"),
            Some("record") => Some("recording"),
            Some(other) => {
                return Err(ApiError::parameter(
                    "type",
                    format!("not supported value {other:?}"),
                ));
            }
        };
        let exclude = match params.get("exclude_alerts") {
            None => false,
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::parameter("exclude_alerts", format!("not a boolean: {text:?}")))?,
        };
        let all = |name: &str| params.all(name).map(str::to_owned).collect();
        Ok(Filter {
            kind,
            names: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
            matchers: params.matcher_sets()?,
            with_alerts: !exclude,
        })
    }

    fn takes_group(&self, group: &GroupStatus) -> bool {
        let among = |list: &[String], item: &String| list.is_empty() || list.contains(item);
        among(&self.groups, &group.name) && among(&self.files, &group.file)
    }

    fn takes(&self, rule: &RuleStatus) -> bool {
        let named = self.names.is_empty() || self.names.contains(&rule.name);
        let meets = |set: &Vec<Matcher>| set.iter().all(|m| m.matches_labels(&rule.labels));
        named
            && self.kind.is_none_or(|kind| kind == kind_of(rule))
            && (self.matchers.is_empty() || self.matchers.iter().any(meets))
    }
}

fn kind_of(rule: &RuleStatus) -> &'static str {
    if rule.alerting.is_some() {
        "alerting"
    } else {
        "recording"
    }
}

/// `GET /rules?type=&rule_name[]=&rule_group[]=&file[]=&match[]=&exclude_alerts=`
pub(super) async fn rules(State(state): State<StatusState>, params: Params) -> Result<Response, ApiError> {
    let filter = Filter::read(&params)?;
    let manager = Arc::clone(&state.rules);
    let work = move || listing(&manager.groups_status(), &filter);
    Ok(state.pool.run(work).await?)
}

fn listing(statuses: &[Arc<GroupStatus>], filter: &Filter) -> Response {
    let groups = statuses
        .iter()
        .filter(|group| filter.takes_group(group))
        .map(|group| Group {
            name: group.name.clone(),
            file: group.file.clone(),
            rules: group
                .rules
                .iter()
                .filter(|r| filter.takes(r))
                .map(|r| rule(r, filter.with_alerts))
                .collect(),
            interval: number(group.interval_ms as f64 / 1000.0),
            limit: group.limit,
            evaluation_time: number(group.evaluation_time_s),
            last_evaluation: rfc3339(group.last_evaluation_ms),
        });
    // A filter leaves out the groups of which it leaves nothing.
    let filtered = filter.kind.is_some() || !filter.names.is_empty() || !filter.matchers.is_empty();
    let groups: Vec<Group> = groups
        .filter(|group| !filtered || !group.rules.is_empty())
        .collect();
    success(&json!({ "groups": groups }))
}

fn rule(rule: &RuleStatus, with_alerts: bool) -> Value {
    let mut out = json!({
        "name": rule.name,
        "query": rule.query,
        "labels": map(&rule.labels),
        "health": rule.health.as_str(),
        "evaluationTime": number(rule.evaluation_time_s),
        "lastEvaluation": rfc3339(rule.last_evaluation_ms),
        "type": kind_of(rule),
    });
    if let Some(error) = &rule.last_error {
        out["lastError"] = json!(error);
    }
    if let Some(alerting) = &rule.alerting {
        out["state"] = json!(alerting.state.as_str());
        out["duration"] = number(alerting.for_ms as f64 / 1000.0);
        out["keepFiringFor"] = number(alerting.keep_firing_for_ms as f64 / 1000.0);
        out["annotations"] = json!(map(&alerting.annotations));
        let shown = alerting.alerts.iter().filter(|_| with_alerts);
        out["alerts"] = shown.map(alert).collect();
    }
    out
}

fn alert(alert: &ActiveAlert) -> Value {
    let mut out = json!({
        "labels": map(&alert.labels),
        "annotations": map(&alert.annotations),
        "state": alert.state.as_str(),
        "activeAt": rfc3339(Some(alert.active_at_ms)),
        "value": go_exponent(alert.value),
    });
    if let Some(since) = alert.keep_firing_since_ms {
        out["keepFiringSince"] = json!(rfc3339(Some(since)));
    }
    out
}

/// `GET /alerts`: all pending and firing ones.
pub(super) async fn alerts(State(state): State<StatusState>) -> Result<Response, ApiError> {
    let manager = Arc::clone(&state.rules);
    let work = move || alerts_of(&manager.groups_status());
    Ok(state.pool.run(work).await?)
}

fn alerts_of(groups: &[Arc<GroupStatus>]) -> Response {
    let alerting = groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter_map(|rule| rule.alerting.as_ref());
    let alerts: Vec<Value> = alerting.flat_map(|a| a.alerts.iter().map(alert)).collect();
    success(&json!({ "alerts": alerts }))
}

fn map(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

/// As Go's `%e` with the fewest digits: `1e+00`, the form in which Prometheus shows the value of an alert.
fn go_exponent(value: f64) -> String {
    if !value.is_finite() {
        return match value {
            v if v.is_nan() => "NaN".to_owned(),
            v if v > 0.0 => "+Inf".to_owned(),
            _ => "-Inf".to_owned(),
        };
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::go_exponent;

    #[test]
    fn values_of_alerts_as_go_writes_them() {
        let cases = [
            (1.0, "1e+00"),
            (0.0, "0e+00"),
            (1234.5, "1.2345e+03"),
            (1e-7, "1e-07"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(go_exponent(value), expected);
        }
    }
}
