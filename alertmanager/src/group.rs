//! Group keys: the text by which a group is known to receivers and to the notification log.

use std::fmt::Write as _;

use model::Labels;

use crate::route::Route;

/// `{}/{severity="page"}:{alertname="X"}`: the route's matchers from the root on, then the group's labels. Equal
/// to Alertmanager's for the same configuration, so receivers that deduplicate by it see no difference.
pub fn group_key(route: &Route, labels: &Labels) -> String {
    format!("{}:{}", route.key, format_labels(labels))
}

/// A label set as Prometheus' `model.LabelSet` prints itself: `{a="b", c="d"}`.
pub fn format_labels(labels: &Labels) -> String {
    let mut out = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        out.push_str(name);
        out.push('=');
        quote(value, &mut out);
    }
    out.push('}');
    out
}

/// Go's `%q`: printable text as it is, the rest escaped.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{07}' => out.push_str("\\a"),
            '\u{08}' => out.push_str("\\b"),
            '\u{0b}' => out.push_str("\\v"),
            '\u{0c}' => out.push_str("\\f"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
