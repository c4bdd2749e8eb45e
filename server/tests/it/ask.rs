//! Questions to a running server, over its HTTP APIs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Masthead, get};

/// Milliseconds to value, as text: what the server says of one series.
pub(crate) type Samples = BTreeMap<i64, String>;

/// Now, milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.expect("a clock after 1970").as_millis()).expect("a clock before the year 292 million")
}

/// A path with parameters.
pub(crate) fn path(path: &str, parameters: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://x/", parameters).expect("a URL");
    format!("{path}?{}", url.query().unwrap_or_default())
}

impl Masthead {
    /// The samples of each series, by the labels that tell them apart, as JSON.
    async fn matrix(&self, path: &str) -> BTreeMap<String, Samples> {
        let answer = self.json(path).await;
        assert_eq!(answer["data"]["resultType"], "matrix", "{answer}");
        let series = array(&answer["data"]["result"]).iter();
        series
            .map(|one| (one["metric"].to_string(), samples(&one["values"])))
            .collect()
    }

    /// What a range vector such as `up[5m]` holds: samples as they are stored.
    pub(crate) async fn stored(&self, range_vector: &str) -> BTreeMap<String, Samples> {
        self.matrix(&path("/api/v1/query", &[("query", range_vector)]))
            .await
    }

    /// What a query gives at each step.
    pub(crate) async fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> BTreeMap<String, Samples> {
        let [start, end, step] = [start_ms, end_ms, step_ms].map(|ms| format!("{}", ms as f64 / 1000.0));
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        self.matrix(&path("/api/v1/query_range", &parameters)).await
    }

    /// The only value of an instant query; `None` where there is none.
    pub(crate) async fn value(&self, query: &str) -> Option<String> {
        let result = self.query(query).await;
        assert!(result.len() < 2, "{query}: {result:?}");
        result.first().map(|one| text(&one["value"][1]).to_owned())
    }

    /// The target of that address among the active ones.
    pub(crate) async fn target(&self, address: &str) -> Option<Value> {
        let targets = self.json("/api/v1/targets").await;
        let of = |target: &&Value| target["discoveredLabels"]["__address__"] == address;
        array(&targets["data"]["activeTargets"]).iter().find(of).cloned()
    }

    /// Lines of a selector with their nanoseconds, the oldest first, by Loki's API.
    pub(crate) async fn lines(&self, selector: &str, start_ns: i64, end_ns: i64) -> Vec<(i64, String)> {
        let (start, end) = (start_ns.to_string(), end_ns.to_string());
        let parameters = [
            ("query", selector),
            ("start", &start),
            ("end", &end),
            ("limit", "5000"),
            ("direction", "forward"),
        ];
        let answer = self.json(&path("/loki/api/v1/query_range", &parameters)).await;
        let mut lines = Vec::new();
        for stream in array(&answer["data"]["result"]) {
            for value in array(&stream["values"]) {
                lines.push((
                    text(&value[0]).parse().expect("nanoseconds"),
                    text(&value[1]).to_owned(),
                ));
            }
        }
        lines.sort();
        lines
    }

    /// The names of the operations of a trace, sorted; none if there is no such trace.
    pub(crate) async fn operations(&self, trace_id: &str) -> Vec<String> {
        let (status, answer) = get(&format!("{}/api/traces/{trace_id}", self.url())).await;
        if status == 404 {
            return Vec::new();
        }
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let spans = array(&answer["data"][0]["spans"]).iter();
        let mut names: Vec<String> = spans
            .map(|span| text(&span["operationName"]).to_owned())
            .collect();
        names.sort();
        names
    }
}

fn samples(values: &Value) -> Samples {
    let sample = |pair: &Value| {
        let seconds = pair[0].as_f64().unwrap_or_else(|| panic!("no time: {pair}"));
        ((seconds * 1000.0).round() as i64, text(&pair[1]).to_owned())
    };
    array(values).iter().map(sample).collect()
}

/// An array, which it has to be.
pub(crate) fn array(value: &Value) -> &Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not an array: {value}"))
}

/// A text, which it has to be.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
