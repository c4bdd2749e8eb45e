//! Advice about a page of metrics: what does not parse, and what departs from the naming practices at
//! <https://prometheus.io/docs/practices/naming/>. Reads everything, stops at no error; a tool for people.

use std::collections::BTreeMap;

use model::metrics::MetricType;

use super::{Event, Format, Parser, decode_labels};

/// At most so many problems are reported of one page.
const MAX_PROBLEMS: usize = 1000;

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// The metric family concerned; empty where the line does not parse.
    pub metric: String,
    /// What is wrong.
    pub text: String,
    /// Whether the page cannot be scraped because of it.
    pub fatal: bool,
}

#[derive(Debug, Default)]
struct Family {
    line: usize,
    metric_type: Option<MetricType>,
    help: Option<String>,
    labels: Vec<String>,
}

/// All problems of a page, in the order of its lines.
pub fn lint(body: &[u8], format: Format) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut parser = Parser::new(body, format);
    let mut lines = Lines { body, at: 0, line: 1 };
    while problems.len() < MAX_PROBLEMS {
        let before = parser.cursor.at;
        let Some(event) = parser.next() else { break };
        let line = lines.line_of_event(before, parser.cursor.at);
        match event {
            Ok(event) => {
                if let Err(problem) = collect(&event, line, &mut families) {
                    problems.push(problem);
                }
            }
            Err(error) => {
                let (line, column, text) = (error.line, error.column, error.message);
                problems.push(Problem {
                    line,
                    column,
                    metric: String::new(),
                    text,
                    fatal: true,
                });
                parser.recover();
            }
        }
    }
    for (name, family) in &families {
        let advice = advice(name, family, format);
        let column = 1;
        problems.extend(advice.into_iter().map(|text| Problem {
            line: family.line,
            column,
            metric: name.clone(),
            text,
            fatal: false,
        }));
    }
    problems.sort_by_key(|p| (p.line, p.column));
    problems.truncate(MAX_PROBLEMS);
    problems
}

/// Counts lines as the parser moves on.
struct Lines<'a> {
    body: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of an event that was read between two offsets; free lines before it do not count as its own.
    fn line_of_event(&mut self, from: usize, to: usize) -> usize {
        let piece = self.body.get(from..to).unwrap_or(&[]);
        let blank = piece.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let start = (from + blank).max(self.at);
        let passed = self.body.get(self.at..start).unwrap_or(&[]);
        self.line += memchr::memchr_iter(b'\n', passed).count();
        self.at = start;
        self.line
    }
}

fn collect(event: &Event<'_>, line: usize, families: &mut BTreeMap<String, Family>) -> Result<(), Problem> {
    let new = || Family {
        line,
        ..Family::default()
    };
    match event {
        Event::Type { family, metric_type } => {
            families
                .entry((*family).to_owned())
                .or_insert_with(new)
                .metric_type = Some(*metric_type);
        }
        Event::Help { family, text } => {
            families.entry((*family).to_owned()).or_insert_with(new).help = Some((*text).to_owned());
        }
        Event::Series(series) => {
            let bad = |e: super::ParseError| Problem {
                line,
                column: e.column,
                metric: String::new(),
                text: e.message,
                fatal: true,
            };
            let labels = decode_labels(series.raw).map_err(bad)?;
            let name = family_of(&labels.name, families);
            let known = families.entry(name).or_insert_with(new);
            for (label, _) in &labels.pairs {
                if !known.labels.iter().any(|l| l == label) {
                    known.labels.push(label.clone().into_owned());
                }
            }
        }
        Event::Unit { .. } | Event::Comment(_) | Event::Eof => {}
    }
    Ok(())
}

/// The family that a sample belongs to: `x_bucket` to the histogram `x`, if there is one.
fn family_of(sample: &str, families: &BTreeMap<String, Family>) -> String {
    let suffixes = ["_bucket", "_sum", "_count", "_total", "_info", "_created"];
    let heads = suffixes
        .into_iter()
        .filter_map(|suffix| sample.strip_suffix(suffix));
    let typed = |head: &&str| families.get(*head).is_some_and(|f| f.metric_type.is_some());
    heads.into_iter().find(typed).unwrap_or(sample).to_owned()
}

fn advice(name: &str, family: &Family, format: Format) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |wrong: bool, text: &str| {
        if wrong {
            out.push(text.to_owned());
        }
    };
    let kind = family.metric_type.unwrap_or_default();
    let has = |label: &str| family.labels.iter().any(|l| l == label);
    say(family.help.as_deref().is_none_or(str::is_empty), "no help text");
    let counter = kind == MetricType::Counter;
    let known = kind != MetricType::Unknown;
    // OpenMetrics puts the suffix on the samples alone, and refuses a page where it is missing there.
    let unsuffixed = format == Format::Text && counter && !name.ends_with("_total");
    say(unsuffixed, "counter metrics should have \"_total\" suffix");
    say(
        known && !counter && name.ends_with("_total"),
        "non-counter metrics should not have \"_total\" suffix",
    );
    let histogram = matches!(kind, MetricType::Histogram | MetricType::GaugeHistogram);
    let summary = kind == MetricType::Summary;
    if known && !histogram {
        say(
            name.ends_with("_bucket"),
            "non-histogram metrics should not have \"_bucket\" suffix",
        );
        say(has("le"), "non-histogram metrics should not have \"le\" label");
    }
    if known && !histogram && !summary {
        say(
            name.ends_with("_count"),
            "non-histogram and non-summary metrics should not have \"_count\" suffix",
        );
        say(
            name.ends_with("_sum"),
            "non-histogram and non-summary metrics should not have \"_sum\" suffix",
        );
    }
    if known && !summary {
        say(
            has("quantile"),
            "non-summary metrics should not have \"quantile\" label",
        );
    }
    say(name.contains(':'), "metric names should not contain ':'");
    let camel = |text: &str| {
        text.as_bytes()
            .windows(2)
            .any(|w| matches!(w, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
    };
    say(
        camel(name),
        "metric names should be written in 'snake_case' not 'camelCase'",
    );
    say(
        family.labels.iter().any(|l| camel(l)),
        "label names should be written in 'snake_case' not 'camelCase'",
    );
    let words = || name.split('_');
    if known && kind.as_str() != "info" && words().any(|word| word == kind.as_str()) {
        out.push(format!("metric name should not include type '{}'", kind.as_str()));
    }
    let base = words().find_map(|word| UNITS.iter().find(|(unit, _)| *unit == word));
    if let Some((unit, base)) = base {
        out.push(format!("use base unit \"{base}\" instead of \"{unit}\""));
    }
    out
}

/// Units that are not base units, and what to use instead.
const UNITS: [(&str, &str); 15] = [
    ("milliseconds", "seconds"),
    ("microseconds", "seconds"),
    ("nanoseconds", "seconds"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kilobytes", "bytes"),
    ("megabytes", "bytes"),
    ("gigabytes", "bytes"),
    ("bits", "bytes"),
    ("fahrenheit", "celsius"),
    ("kilometers", "meters"),
    ("milliamperes", "amperes"),
    ("kilojoules", "joules"),
];
