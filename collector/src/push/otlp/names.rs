//! Names of metrics and labels as Prometheus derives them from OpenTelemetry's: the strategy
//! `UnderscoreEscapingWithSuffixes`, which is its default.
//!
//! Rules: <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>.

use model::metrics::MetricType;

/// UCUM units and the words Prometheus has for them.
const UNITS: [(&str, &str); 28] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("kBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("", ""),
];

/// What may follow the slash.
const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

fn is_metric_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The name of a metric: words joined by `_`, the unit and `_total` (counters) or `_ratio` (gauges of unit
/// `1`) at the end. `None` where nothing of the name is left.
pub fn metric_name(name: &str, unit: &str, metric_type: MetricType) -> Option<String> {
    let mut words: Vec<&str> = name
        .split(|c| !is_metric_char(c))
        .filter(|word| !word.is_empty())
        .collect();
    let (main, per) = unit_suffixes(unit);
    let (mut main, per) = (main.as_str(), per.trim_end_matches('_'));
    if words.contains(&main) {
        main = "";
    }
    let per = if per == "per" || words.contains(&per) {
        ""
    } else {
        per
    };
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(main);
    }
    words.extend([main, per].into_iter().filter(|suffix| !suffix.is_empty()));
    let last = match metric_type {
        MetricType::Counter => Some("total"),
        MetricType::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        words.retain(|word| *word != last);
        words.push(last);
    }
    let joined = words.join("_");
    let digit = joined.starts_with(|c: char| c.is_ascii_digit());
    // A name of nothing but `_total` would be one in form only.
    let meant = name.chars().any(is_metric_char);
    meant.then(|| if digit { format!("_{joined}") } else { joined })
}

/// The unit in Prometheus' words, as metadata shows it: `bytes`, `bytes_per_second`.
pub(super) fn unit_name(unit: &str) -> String {
    let (main, per) = unit_suffixes(unit);
    let joined = [main, per]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_");
    joined.trim_matches('_').to_owned()
}

/// `By/s` as `bytes` and `per_second`; annotations in braces count as nothing.
fn unit_suffixes(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let word = |part: &str, table: &[(&str, &str)]| {
        let part = part.trim();
        if part.contains(['{', '}']) {
            return String::new();
        }
        let known = table.iter().find(|(from, _)| *from == part);
        known.map_or(part, |(_, to)| *to).to_owned()
    };
    let per = word(per, &PER_UNITS);
    let per = if per.is_empty() { per } else { format!("per_{per}") };
    (clean_unit(&word(main, &UNITS)), clean_unit(&per))
}

/// Anything else than letters, digits and colons becomes one `_`, none in front.
fn clean_unit(unit: &str) -> String {
    let mut out = String::with_capacity(unit.len());
    for c in unit.chars() {
        if is_metric_char(c) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

/// The name of a label for an attribute: other characters become `_`; `key_` goes before a digit and `key`
/// before a single `_`. `None` where nothing but underscores would be left of it.
pub fn label_name(attribute: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = attribute.chars().map(plain).collect();
    if name.is_empty() || (name != attribute && name.bytes().all(|b| b == b'_')) {
        return None;
    }
    Some(match name.as_bytes() {
        [first, ..] if first.is_ascii_digit() => format!("key_{name}"),
        [b'_', b'_', ..] => name,
        [b'_', ..] => format!("key{name}"),
        _ => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics() {
        use MetricType::{Counter, Gauge, Histogram};
        let cases = [
            (
                "http.server.request.duration",
                "s",
                Histogram,
                "http_server_request_duration_seconds",
            ),
            ("requests", "1", Counter, "requests_total"),
            ("requests_total", "", Counter, "requests_total"),
            ("total.requests", "", Counter, "requests_total"),
            ("memory.usage", "By", Gauge, "memory_usage_bytes"),
            ("memory_usage_bytes", "By", Gauge, "memory_usage_bytes"),
            ("cpu.utilization", "1", Gauge, "cpu_utilization_ratio"),
            ("network.io", "By/s", Gauge, "network_io_bytes_per_second"),
            ("network.io", "{packet}/s", Gauge, "network_io_per_second"),
            ("queue.length", "{items}", Gauge, "queue_length"),
            ("broken..name__x", "", Gauge, "broken_name_x"),
            ("1st", "", Gauge, "_1st"),
            ("temp", "Cel", Gauge, "temp_celsius"),
            ("grüße", "", Gauge, "gr_e"),
            ("odd", "my unit", Gauge, "odd_my_unit"),
            ("load", "%", Gauge, "load_percent"),
        ];
        for (name, unit, metric_type, expected) in cases {
            assert_eq!(
                metric_name(name, unit, metric_type).as_deref(),
                Some(expected),
                "{name} {unit}"
            );
        }
        assert_eq!(metric_name("...", "", Gauge), None);
        assert_eq!(metric_name("", "s", Counter), None);
    }

    #[test]
    fn labels() {
        let cases = [
            ("http.method", Some("http_method")),
            ("a..b", Some("a__b")),
            ("1x", Some("key_1x")),
            ("_x", Some("key_x")),
            ("__x__", Some("__x__")),
            ("ä", None),
            ("", None),
        ];
        for (attribute, expected) in cases {
            assert_eq!(label_name(attribute).as_deref(), expected, "{attribute}");
        }
    }

    #[test]
    fn units() {
        assert_eq!(unit_name("By/s"), "bytes_per_second");
        assert_eq!(unit_name("1"), "");
        assert_eq!(unit_name("{request}"), "");
    }
}
