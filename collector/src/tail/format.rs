//! Lines unwrapped: what the container runtime put around them comes off, and pieces are joined.
//!
//! CRI: <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>; Docker:
//! the driver `json-file`. A line that is not wrapped as it should be goes through as it is: better a line in
//! an odd shape than none.

use serde::Deserialize;

use super::config::Format;
use super::lines::MAX_LINE;

/// A line as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unwrapped {
    /// When it was written, where the wrapping says so.
    pub(super) timestamp_ns: Option<i64>,
    /// `stdout` or `stderr`, where the wrapping says so.
    pub(super) stream: Option<String>,
    /// The text.
    pub(super) text: String,
}

/// Unwraps the lines of one file. It holds at most one unfinished line for each of the two streams.
#[derive(Debug)]
pub(super) struct Unwrapper {
    format: Format,
    /// Pieces that wait for their end.
    parts: Vec<Unwrapped>,
}

impl Unwrapper {
    pub(super) fn new(format: Format) -> Unwrapper {
        Unwrapper {
            format,
            parts: Vec::new(),
        }
    }

    /// Whether an unfinished line is held.
    pub(super) fn is_holding(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Takes a line of the file and gives the line it completes, if it does.
    pub(super) fn line(&mut self, bytes: &[u8]) -> Option<Unwrapped> {
        let text = String::from_utf8_lossy(bytes);
        let (line, whole) = match self.format {
            Format::Raw => (None, true),
            Format::Cri => cri(&text),
            Format::Docker => docker(&text),
        };
        let Some(line) = line else {
            return Some(Unwrapped {
                timestamp_ns: None,
                stream: None,
                text: text.into_owned(),
            });
        };
        self.join(line, whole)
    }

    /// Gives what is unfinished, because its end will not come.
    pub(super) fn flush(&mut self) -> Vec<Unwrapped> {
        std::mem::take(&mut self.parts)
    }

    fn join(&mut self, line: Unwrapped, whole: bool) -> Option<Unwrapped> {
        let at = self.parts.iter().position(|part| part.stream == line.stream);
        let Some(at) = at else {
            if whole {
                return Some(line);
            }
            self.parts.push(line);
            return None;
        };
        let part = self.parts.get_mut(at)?;
        part.text.push_str(&line.text);
        if whole || part.text.len() >= MAX_LINE {
            return Some(self.parts.swap_remove(at));
        }
        None
    }
}

/// `<RFC 3339> stdout|stderr P|F[:more tags] <text>`, and whether this is its last piece.
fn cri(text: &str) -> (Option<Unwrapped>, bool) {
    let mut words = text.splitn(4, ' ');
    let (Some(time), Some(stream @ ("stdout" | "stderr")), Some(tags)) =
        (words.next(), words.next(), words.next())
    else {
        return (None, true);
    };
    let Some(timestamp_ns) = rfc3339(time) else {
        return (None, true);
    };
    let whole = match tags.split(':').next() {
        Some("F") => true,
        Some("P") => false,
        _ => return (None, true),
    };
    let text = words.next().unwrap_or("").to_owned();
    (
        Some(Unwrapped {
            timestamp_ns: Some(timestamp_ns),
            stream: Some(stream.to_owned()),
            text,
        }),
        whole,
    )
}

#[derive(Deserialize)]
struct DockerLine {
    log: String,
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    time: Option<String>,
}

/// Docker cuts long lines, too: a piece that is not the last has no line end within its text.
fn docker(text: &str) -> (Option<Unwrapped>, bool) {
    let Ok(DockerLine {
        mut log,
        stream,
        time,
    }) = serde_json::from_str(text)
    else {
        return (None, true);
    };
    // Docker knows two streams; anything else is no reason to hold a piece for each name that comes along.
    let stream = stream.filter(|stream| stream == "stdout" || stream == "stderr");
    let whole = log.ends_with('\n');
    if whole {
        log.pop();
        if log.ends_with('\r') {
            log.pop();
        }
    }
    (
        Some(Unwrapped {
            timestamp_ns: time.as_deref().and_then(rfc3339),
            stream,
            text: log,
        }),
        whole,
    )
}

fn rfc3339(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(format: Format, lines: &[&str]) -> Vec<Unwrapped> {
        let mut unwrapper = Unwrapper::new(format);
        let mut out: Vec<Unwrapped> = lines
            .iter()
            .filter_map(|line| unwrapper.line(line.as_bytes()))
            .collect();
        out.extend(unwrapper.flush());
        out
    }

    fn texts(lines: &[Unwrapped]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn cri_lines_and_their_pieces() {
        let lines = all(
            Format::Cri,
            &[
                "2024-05-01T10:00:00.000000001Z stdout F hello world",
                "2024-05-01T10:00:01.5+02:00 stdout P first ",
                "2024-05-01T10:00:01Z stderr F between",
                "2024-05-01T10:00:02Z stdout P second ",
                "2024-05-01T10:00:03Z stdout F third",
                "2024-05-01T10:00:04Z stdout F",
                "not wrapped at all",
                "2024-05-01T10:00:05Z stdout P never ended",
            ],
        );
        assert_eq!(
            texts(&lines),
            [
                "hello world",
                "between",
                "first second third",
                "",
                "not wrapped at all",
                "never ended"
            ]
        );
        assert_eq!(lines[0].timestamp_ns, Some(1_714_557_600_000_000_001));
        assert_eq!(lines[0].stream.as_deref(), Some("stdout"));
        // A joined line has the time of its first piece.
        assert_eq!(lines[2].timestamp_ns, Some(1_714_550_401_500_000_000));
        assert_eq!(lines[4].timestamp_ns, None);
    }

    #[test]
    fn docker_lines_and_their_pieces() {
        let lines = all(
            Format::Docker,
            &[
                r#"{"log":"hello \"you\"\n","stream":"stderr","time":"2024-05-01T10:00:00.000000001Z"}"#,
                r#"{"log":"first ","stream":"stdout","time":"2024-05-01T10:00:01Z"}"#,
                r#"{"log":"second\r\n","stream":"stdout","time":"2024-05-01T10:00:02Z"}"#,
                r#"{"other":1}"#,
            ],
        );
        assert_eq!(texts(&lines), ["hello \"you\"", "first second", r#"{"other":1}"#]);
        assert_eq!(lines[0].stream.as_deref(), Some("stderr"));
    }

    #[test]
    fn pieces_without_end_are_bounded() {
        let piece = format!("2024-05-01T10:00:00Z stdout P {}", "x".repeat(16 << 10));
        let mut unwrapper = Unwrapper::new(Format::Cri);
        let given = (0..100).filter_map(|_| unwrapper.line(piece.as_bytes())).count();
        assert_eq!(given, 100 / 16);
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        let mut unwrapper = Unwrapper::new(Format::Raw);
        assert_eq!(unwrapper.line(b"a\xffb").unwrap().text, "a\u{fffd}b");
    }
}
