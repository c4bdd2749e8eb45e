//! The level of a log line under one name and one spelling, for the metadata `detected_level`.
//!
//! OpenTelemetry says it by number, others by a field called `level` or the like, many only within the line.
//! The words are Loki's: trace, debug, info, warn, error, critical, fatal. Costs at most one look at the first
//! [`SEARCHED`] bytes of a line.

use model::Labels;

/// The metadata that carries the level.
pub const DETECTED_LEVEL: &str = "detected_level";

/// How many bytes of a line are searched for a level.
pub const SEARCHED: usize = 1024;

/// Names of labels and metadata under which senders put a level, the first found wins.
const LEVEL_NAMES: [&str; 9] = [
    "detected_level",
    "level",
    "LEVEL",
    "Level",
    "severity",
    "severity_text",
    "lvl",
    "log_level",
    "loglevel",
];

/// The level of an OpenTelemetry severity number (1 to 24), in ranges of four.
pub fn of_severity(number: i32) -> Option<&'static str> {
    Some(match number {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        _ => return None,
    })
}

/// The level that a word stands for, in any letter case.
pub fn of_word(word: &str) -> Option<&'static str> {
    let words: [(&str, &[&str]); 7] = [
        ("info", &["info", "inf", "information", "informational", "notice"]),
        ("error", &["error", "err", "eror"]),
        ("warn", &["warn", "warning", "wrn"]),
        ("debug", &["debug", "dbg"]),
        ("trace", &["trace", "trc"]),
        ("critical", &["critical", "crit", "alert", "emergency", "emerg"]),
        ("fatal", &["fatal", "ftl", "panic"]),
    ];
    let stands = |spellings: &[&str]| spellings.iter().any(|s| s.eq_ignore_ascii_case(word));
    words
        .iter()
        .find(|(_, spellings)| stands(spellings))
        .map(|(level, _)| *level)
}

/// The level of a line, from its metadata, the labels of its stream, or a pair such as `level=warn` or
/// `"level":"warn"` within it.
pub fn detect(stream: &Labels, metadata: &Labels, line: &str) -> Option<&'static str> {
    let said = |labels: &Labels| {
        LEVEL_NAMES
            .iter()
            .find_map(|name| labels.get(name).and_then(of_word))
    };
    said(metadata).or_else(|| said(stream)).or_else(|| of_line(line))
}

/// The level that a pair within the line says, as logfmt and JSON write it.
pub fn of_line(line: &str) -> Option<&'static str> {
    let bytes = line.as_bytes();
    let bytes = bytes.get(..SEARCHED).unwrap_or(bytes);
    ["level", "lvl", "severity"].iter().find_map(|key| {
        memchr::memmem::find_iter(bytes, key).find_map(|at| {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            if before.is_some_and(|b| b.is_ascii_alphanumeric()) {
                return None;
            }
            value_after(bytes.get(at + key.len()..)?)
        })
    })
}

/// `=warn`, `="warn"`, `":"warn"`, `": "warn"`.
fn value_after(rest: &[u8]) -> Option<&'static str> {
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest).trim_ascii_start();
    let rest = rest
        .strip_prefix(b"=")
        .or_else(|| rest.strip_prefix(b":"))?
        .trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    of_word(std::str::from_utf8(rest.get(..len)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words() {
        assert_eq!(of_severity(10), Some("info"));
        assert_eq!(of_severity(17), Some("error"));
        assert_eq!(of_severity(0), None);
        assert_eq!(of_word("WARNING"), Some("warn"));
        assert_eq!(of_word("hello"), None);
    }

    #[test]
    fn within_a_line() {
        let cases = [
            (r#"ts=1 level=warn msg="x""#, Some("warn")),
            (r#"{"msg":"x","level":"ERROR"}"#, Some("error")),
            (r#"{"level": "debug"}"#, Some("debug")),
            ("sublevel=warn", None),
            ("level up, level=info", Some("info")),
            ("the level", None),
            ("nothing to see", None),
        ];
        for (line, level) in cases {
            assert_eq!(of_line(line), level, "{line}");
        }
    }

    #[test]
    fn metadata_goes_before_labels_and_the_line() {
        let stream = Labels::from_pairs([("level", "info")]);
        let metadata = Labels::from_pairs([("level", "error")]);
        assert_eq!(detect(&stream, &metadata, "level=debug"), Some("error"));
        assert_eq!(detect(&stream, &Labels::empty(), "level=debug"), Some("info"));
        assert_eq!(
            detect(&Labels::empty(), &Labels::empty(), "level=debug"),
            Some("debug")
        );
    }
}
