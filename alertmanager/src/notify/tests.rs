mod email;
mod http_sink;
mod smtp_sink;
mod templates;
mod webhook;

use model::ManualClock;

use super::*;
pub(crate) use http_sink::{HttpSink, Request};

const NOW_MS: i64 = 1_780_000_000_000;

fn alert(name: &str, instance: &str, ended: bool) -> Arc<Alert> {
    Arc::new(Alert {
        labels: Labels::from_pairs([("alertname", name), ("instance", instance), ("job", "api")]),
        annotations: Labels::from_pairs([("summary", "5 < 6 & \"so\""), ("runbook", instance)]),
        starts_at_ms: NOW_MS - 61_250,
        ends_at_ms: if ended { NOW_MS - 1000 } else { 0 },
        generator_url: "http://masthead/graph?g0.expr=up".to_owned(),
        updated_at_ms: NOW_MS,
    })
}

struct Group {
    labels: Labels,
    route_labels: BTreeMap<String, String>,
    alerts: Vec<Arc<Alert>>,
}

impl Group {
    fn new(alerts: Vec<Arc<Alert>>) -> Group {
        let route_labels = BTreeMap::from([("page".to_owned(), "{{ .GroupLabels.alertname }}!".to_owned())]);
        Group {
            labels: Labels::from_pairs([("alertname", "X")]),
            route_labels,
            alerts,
        }
    }

    fn notice(&self) -> Notice<'_> {
        Notice {
            group_key: "{}:{alertname=\"X\"}",
            receiver: "ops.team",
            group_labels: &self.labels,
            route_labels: &self.route_labels,
            reason: "first notification",
            alerts: &self.alerts,
            at_ms: NOW_MS,
        }
    }
}

fn config(global: &str, receiver: &str) -> Config {
    Config::parse(&format!(
        "global: {{{global}}}\nroute: {{receiver: ops.team}}\nreceivers:\n- name: ops.team\n  {receiver}\n"
    ))
    .unwrap()
}

fn notifier(config: &Config) -> Arc<Notifier> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    Notifiers::build(config, "http://masthead:9090", &clock)
        .unwrap()
        .get("ops.team", 0)
        .unwrap()
}

fn two_alerts() -> Group {
    Group::new(vec![alert("X", "a", false), alert("X", "b", true)])
}
