//! The message as templates see it: `.Alerts.Firing`, `.CommonLabels.SortedPairs.Values`, `.GroupLabels.alertname`.

use std::sync::Arc;

use super::{Kv, Message, MessageAlert, time_value};
use crate::alert::ALERT_NAME;
use crate::template::{FuncResult, Object, Value, join};

struct Data {
    message: Arc<Message>,
    alerts: Value,
}

impl Message {
    /// The dot of a template.
    pub fn value(self: &Arc<Self>) -> Value {
        let alerts = self.alerts.iter().cloned().map(Arc::new).collect();
        Value::object(Data {
            message: self.clone(),
            alerts: Value::object(Alerts(alerts)),
        })
    }
}

impl Object for Data {
    fn type_name(&self) -> &str {
        "template.Data"
    }

    fn fields(&self) -> &[&str] {
        &[
            "Receiver",
            "Status",
            "Alerts",
            "NotificationReason",
            "GroupLabels",
            "CommonLabels",
            "CommonAnnotations",
            "RouteLabels",
            "ExternalURL",
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let message = &self.message;
        Some(match name {
            "Receiver" => Value::string(&message.receiver),
            "Status" => Value::string(message.status),
            "Alerts" => self.alerts.clone(),
            "NotificationReason" => Value::string(&message.notification_reason),
            "GroupLabels" => kv(&message.group_labels),
            "CommonLabels" => kv(&message.common_labels),
            "CommonAnnotations" => kv(&message.common_annotations),
            "RouteLabels" => kv(&message.route_labels),
            "ExternalURL" => Value::string(&message.external_url),
            _ => return None,
        })
    }
}

struct Alerts(Vec<Arc<MessageAlert>>);

impl Alerts {
    fn with_status(&self, status: &str) -> Value {
        Value::list(
            self.0
                .iter()
                .filter(|alert| alert.status == status)
                .cloned()
                .map(alert_value),
        )
    }
}

impl Object for Alerts {
    fn type_name(&self) -> &str {
        "template.Alerts"
    }

    fn method(&self, name: &str, _args: &[Value]) -> Option<FuncResult> {
        match name {
            "Firing" => Some(Ok(self.with_status("firing"))),
            "Resolved" => Some(Ok(self.with_status("resolved"))),
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::list(self.0.iter().cloned().map(alert_value))
    }
}

struct AlertObject(Arc<MessageAlert>);

fn alert_value(alert: Arc<MessageAlert>) -> Value {
    Value::object(AlertObject(alert))
}

impl Object for AlertObject {
    fn type_name(&self) -> &str {
        "template.Alert"
    }

    fn fields(&self) -> &[&str] {
        &[
            "Status",
            "Labels",
            "Annotations",
            "StartsAt",
            "EndsAt",
            "GeneratorURL",
            "Fingerprint",
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        let alert = &self.0;
        Some(match name {
            "Status" => Value::string(alert.status),
            "Labels" => kv(&alert.labels),
            "Annotations" => kv(&alert.annotations),
            "StartsAt" => time_value(alert.starts_at),
            "EndsAt" => time_value(alert.ends_at),
            "GeneratorURL" => Value::string(&alert.generator_url),
            "Fingerprint" => Value::string(&alert.fingerprint),
            _ => return None,
        })
    }
}

fn kv(pairs: &Kv) -> Value {
    Value::object(pairs.clone())
}

impl Kv {
    /// In order of name, but for the alert's, which leads.
    fn sorted(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = self.0.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        pairs.sort_by(|a, b| (a.0 != ALERT_NAME, &a.0).cmp(&(b.0 != ALERT_NAME, &b.0)));
        pairs
    }
}

impl Object for Kv {
    fn type_name(&self) -> &str {
        "template.KV"
    }

    fn method(&self, name: &str, args: &[Value]) -> Option<FuncResult> {
        match name {
            "SortedPairs" => Some(Ok(Value::object(Pairs(self.sorted())))),
            "Names" => Some(Ok(strings(self.sorted().into_iter().map(|(name, _)| name)))),
            "Values" => Some(Ok(strings(self.sorted().into_iter().map(|(_, value)| value)))),
            "String" => Some(Ok(Value::from(print_pairs(&self.sorted())))),
            "Remove" => Some(remove(self, args)),
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::string_map(self.0.iter().map(|(name, value)| (&**name, &**value)))
    }
}

fn remove(from: &Kv, args: &[Value]) -> FuncResult {
    let [names] = args else {
        return Err("Remove takes a list of names".into());
    };
    let Value::List(names) = names.resolved() else {
        return Err("Remove takes a list of names".into());
    };
    let mut kept = from.clone();
    for name in names.iter() {
        kept.0
            .remove(name.as_str().ok_or("Remove takes a list of names")?);
    }
    Ok(Value::object(kept))
}

struct Pairs(Vec<(String, String)>);

fn print_pairs(pairs: &[(String, String)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Object for Pairs {
    fn type_name(&self) -> &str {
        "template.Pairs"
    }

    fn method(&self, name: &str, _args: &[Value]) -> Option<FuncResult> {
        match name {
            "Names" => Some(Ok(strings(self.0.iter().map(|(name, _)| name.clone())))),
            "Values" => Some(Ok(strings(self.0.iter().map(|(_, value)| value.clone())))),
            "String" => Some(Ok(Value::from(print_pairs(&self.0)))),
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::list(
            self.0
                .iter()
                .cloned()
                .map(|(name, value)| Value::object(Pair { name, value })),
        )
    }
}

struct Pair {
    name: String,
    value: String,
}

impl Object for Pair {
    fn type_name(&self) -> &str {
        "template.Pair"
    }

    fn fields(&self) -> &[&str] {
        &["Name", "Value"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Name" => Some(Value::string(&self.name)),
            "Value" => Some(Value::string(&self.value)),
            _ => None,
        }
    }
}

struct Strings(Vec<String>);

/// A list of text that can be joined.
pub(crate) fn strings(items: impl IntoIterator<Item = String>) -> Value {
    Value::object(Strings(items.into_iter().collect()))
}

impl Object for Strings {
    fn type_name(&self) -> &str {
        "template.Strings"
    }

    fn method(&self, name: &str, args: &[Value]) -> Option<FuncResult> {
        match (name, args) {
            ("Join", [separator]) => Some(match separator.as_str() {
                Some(separator) => join(&self.0, separator),
                None => Err("Join takes text".into()),
            }),
            ("Join", _) => Some(Err("Join takes one argument".into())),
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::list(self.0.iter().map(Value::string))
    }
}
