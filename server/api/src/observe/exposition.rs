//! The format of `/metrics`: the client's choice, and the way from OpenMetrics to Prometheus' text format.
//!
//! The library writes OpenMetrics. The older format differs where our metrics are concerned in three things: the
//! comments of a counter carry the whole name of its samples, there are no units, and nothing marks the end.

use axum::http::{HeaderMap, header};

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

impl Format {
    /// What the `Accept` headers would rather have. The text format where they do not say: browsers and people read
    /// it, and so does every scraper.
    pub(super) fn negotiate(headers: &HeaderMap) -> Format {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let accepted = accepted.filter_map(|value| value.to_str().ok());
        let (mut openmetrics, mut text) = (0.0, 0.0);
        for range in accepted.flat_map(|value| value.split(',')) {
            let (media, weight) = weighed(range);
            match media {
                "application/openmetrics-text" => openmetrics = weight.max(openmetrics),
                "text/plain" | "text/*" | "*/*" => text = weight.max(text),
                _ => {}
            }
        }
        if openmetrics > 0.0 && openmetrics >= text {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }

    /// Its name on the wire.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// A page of OpenMetrics in this format.
    pub(super) fn write(self, openmetrics: String) -> String {
        match self {
            Format::OpenMetrics => openmetrics,
            Format::Text => text(&openmetrics),
        }
    }
}

/// A media range without its parameters, and its weight.
fn weighed(range: &str) -> (&str, f64) {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    (media, weight.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
}

/// OpenMetrics, of gauges, counters and histograms, as the text format 0.0.4.
fn text(openmetrics: &str) -> String {
    let mut out = String::with_capacity(openmetrics.len());
    // Help stands before the type, and its name depends on it.
    let mut help: Option<(&str, &str)> = None;
    for line in openmetrics.lines() {
        match comment(line) {
            Some(("HELP", name, text)) => help = Some((name, text)),
            Some(("TYPE", name, kind)) => {
                let total = if kind == "counter" { "_total" } else { "" };
                let kind = if kind == "unknown" { "untyped" } else { kind };
                if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                    out.push_str(&format!("# HELP {name}{total} {text}\n"));
                }
                out.push_str(&format!("# TYPE {name}{total} {kind}\n"));
            }
            _ if line.starts_with('#') => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// Keyword, name and the rest of a comment that speaks of a family.
fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let (keyword, rest) = line.strip_prefix("# ")?.split_once(' ')?;
    let (name, rest) = rest.split_once(' ')?;
    Some((keyword, name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a value"));
        Format::negotiate(&headers)
    }

    #[test]
    fn openmetrics_is_written_for_those_who_would_rather_have_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;\
                          q=0.4,text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for accept in [
            prometheus,
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ] {
            assert_eq!(negotiated(accept), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "application/openmetrics-text;q=0.2, text/plain;q=0.7",
            "application/openmetrics-text;q=0",
            "",
        ] {
            assert_eq!(negotiated(accept), Format::Text, "{accept}");
        }
        assert_eq!(Format::negotiate(&HeaderMap::new()), Format::Text);
    }

    #[test]
    fn the_text_format_names_counters_whole() {
        let openmetrics = "# HELP a_seconds It's a gauge: # EOF.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n\
                           a_seconds{x=\"# TYPE\"} 1.5\n# HELP b Pushes.\n# TYPE b counter\nb_total{reason=\"y\"} 2\n\
                           # HELP c Latency.\n# TYPE c histogram\nc_sum 0.1\nc_count 1\nc_bucket{le=\"+Inf\"} 1\n\
                           # TYPE d unknown\nd 1\n# EOF\n";
        let expected = "# HELP a_seconds It's a gauge: # EOF.\n# TYPE a_seconds gauge\na_seconds{x=\"# TYPE\"} 1.5\n\
                        # HELP b_total Pushes.\n# TYPE b_total counter\nb_total{reason=\"y\"} 2\n\
                        # HELP c Latency.\n# TYPE c histogram\nc_sum 0.1\nc_count 1\nc_bucket{le=\"+Inf\"} 1\n\
                        # TYPE d untyped\nd 1\n";
        assert_eq!(Format::Text.write(openmetrics.to_owned()), expected);
        assert_eq!(Format::OpenMetrics.write(openmetrics.to_owned()), openmetrics);
    }
}
