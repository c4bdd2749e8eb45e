//! Text in an exposition format as a stream of any length.
//!
//! The parser takes a page; a stream is fed to it in pieces that end with a line. Samples gather by series until there
//! are enough of them to be handed over.

use std::io::Read;

use collector::exposition::{Event, Format, Parser, decode_labels};
use model::labels::METRIC_NAME;
use model::metrics::Samples;
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

/// Read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A line longer than this is none.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Samples that gather before they are handed over.
const PORTION_SAMPLES: usize = 1 << 20;

/// Series remembered by their text at once.
const MAX_SERIES: usize = 1 << 20;

const END: &[u8] = b"# EOF\n";

/// Takes samples of a series.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&Labels, &Samples) -> Result<(), StoreError>;

/// Reads all of `input`. Every sample must have a timestamp; OpenMetrics must end with `# EOF`.
///
/// # Errors
/// With the line: what is not as the format wants it. Or reading or the sink failed.
pub(super) fn read(input: &mut dyn Read, format: Format, sink: Sink<'_>) -> Result<u64, String> {
    let mut reader = Reader {
        format,
        line: 0,
        ended: false,
        gathered: Gathered::default(),
        samples: 0,
    };
    let mut buffer = Vec::new();
    loop {
        let start = buffer.len();
        buffer.resize(start + PIECE_BYTES, 0);
        let read = fill(input, &mut buffer[start..]).map_err(|e| e.to_string())?;
        buffer.truncate(start + read);
        let end = match memchr::memrchr(b'\n', &buffer) {
            _ if read == 0 => buffer.len(),
            Some(at) => at + 1,
            None if buffer.len() > MAX_LINE_BYTES => {
                return Err(format!(
                    "line {}: longer than {MAX_LINE_BYTES} bytes",
                    reader.line + 1
                ));
            }
            None => continue,
        };
        let rest = buffer.split_off(end);
        reader.piece(&mut buffer, sink)?;
        buffer = rest;
        if read == 0 {
            break;
        }
    }
    if format == Format::OpenMetrics && !reader.ended {
        return Err("data does not end with # EOF".to_owned());
    }
    reader.gathered.give(sink)?;
    Ok(reader.samples)
}

/// Reads until `buffer` is full or the input ends.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

struct Reader {
    format: Format,
    /// Lines before this piece.
    line: usize,
    /// `# EOF` was there.
    ended: bool,
    gathered: Gathered,
    samples: u64,
}

impl Reader {
    /// Reads whole lines.
    fn piece(&mut self, piece: &mut Vec<u8>, sink: Sink<'_>) -> Result<(), String> {
        if piece.is_empty() {
            return Ok(());
        }
        if self.ended {
            return Err(format!("line {}: data after # EOF", self.line + 1));
        }
        let lines = memchr::memchr_iter(b'\n', piece).count();
        if self.format == Format::OpenMetrics {
            let ends = piece.starts_with(b"# EOF") || memchr::memmem::find(piece, b"\n# EOF").is_some();
            self.ended = ends;
            if !ends {
                piece.extend_from_slice(END);
            }
        }
        let mut parser = Parser::new(piece, self.format);
        for event in &mut parser {
            let mut event = event.map_err(|mut e| {
                e.line += self.line;
                e.to_string()
            })?;
            if let Event::Series(series) = &mut event {
                let Some(timestamp_ms) = series.timestamp_ms else {
                    let raw = String::from_utf8_lossy(series.raw);
                    return Err(format!("after line {}: {raw} has no timestamp", self.line));
                };
                self.gathered.take(series.raw, timestamp_ms, series.value)?;
                self.samples += 1;
            }
        }
        self.line += lines;
        if self.gathered.count >= PORTION_SAMPLES || self.gathered.known.len() >= MAX_SERIES {
            self.gathered.give(sink)?;
        }
        Ok(())
    }
}

/// Samples by series.
#[derive(Default)]
struct Gathered {
    /// Where a series is, by its text.
    known: FxHashMap<Box<[u8]>, usize>,
    series: Vec<(Labels, Samples)>,
    count: usize,
}

impl Gathered {
    fn take(&mut self, raw: &[u8], timestamp_ms: i64, value: f64) -> Result<(), String> {
        let at = match self.known.get(raw) {
            Some(at) => *at,
            None => {
                let decoded = decode_labels(raw).map_err(|e| e.to_string())?;
                let pairs = decoded.pairs.iter().map(|(n, v)| (&**n, &**v));
                let labels = Labels::from_pairs(pairs.chain([(METRIC_NAME, &*decoded.name)]));
                self.known.insert(raw.into(), self.series.len());
                self.series.push((labels, Samples::default()));
                self.series.len() - 1
            }
        };
        if let Some((_, samples)) = self.series.get_mut(at) {
            samples.push(timestamp_ms, value);
            self.count += 1;
        }
        Ok(())
    }

    fn give(&mut self, sink: Sink<'_>) -> Result<(), String> {
        for (labels, samples) in &mut self.series {
            if !samples.is_empty() {
                sink(labels, samples).map_err(|e| e.to_string())?;
                samples.clear();
            }
        }
        self.count = 0;
        if self.known.len() >= MAX_SERIES {
            self.known.clear();
            self.series.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A reader that gives a few bytes at a time, as a pipe does.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.len().min(buffer.len()).min(7);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(text: &str, format: Format) -> Result<BTreeMap<String, Vec<(i64, f64)>>, String> {
        let mut found: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
        let mut take = |labels: &Labels, samples: &Samples| {
            let rows = samples.iter().map(|s| (s.timestamp_ms, s.value));
            found.entry(labels.to_string()).or_default().extend(rows);
            Ok(())
        };
        read(&mut Slow(text.as_bytes()), format, &mut take)?;
        Ok(found)
    }

    #[test]
    fn both_formats_are_read_with_their_units_of_time() {
        let text = "# HELP a b\na{x=\"1\"} 1 1000\na{x=\"1\"} 2 2000\nb 3 -5\n";
        let found = all(text, Format::Text).unwrap();
        assert_eq!(found["a{x=\"1\"}"], [(1000, 1.0), (2000, 2.0)]);
        assert_eq!(found["b"], [(-5, 3.0)]);
        let found = all("# TYPE a gauge\na{x=\"1\"} 1 1.5\n# EOF\n", Format::OpenMetrics).unwrap();
        assert_eq!(found["a{x=\"1\"}"], [(1500, 1.0)]);
    }

    #[test]
    fn a_stream_longer_than_a_piece_comes_whole() {
        let mut text = String::new();
        let rows = 200_000;
        for i in 0..rows {
            text.push_str(&format!("metric{{row=\"{}\"}} {i} {}.25\n", i % 10, i));
        }
        assert!(text.len() > 3 * PIECE_BYTES);
        text.push_str("# EOF\n");
        let mut seen = 0;
        let mut count = |_: &Labels, samples: &Samples| {
            seen += samples.len();
            Ok(())
        };
        let read = read(&mut text.as_bytes(), Format::OpenMetrics, &mut count).unwrap();
        assert_eq!((seen, read), (rows, rows as u64));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let mut text = "x 1 1\n".repeat(300_000);
        text.push_str("x 1 y\n");
        let error = all(&text, Format::Text).unwrap_err();
        assert!(error.starts_with("line 300001, column 5"), "{error}");
        let error = all("x 1\n", Format::Text).unwrap_err();
        assert!(error.contains("x has no timestamp"), "{error}");
        let error = all("x 1 1\n", Format::OpenMetrics).unwrap_err();
        assert!(error.contains("# EOF"), "{error}");
        let error = all("x 1 1\n# EOF\nx 1 2\n", Format::OpenMetrics).unwrap_err();
        assert!(error.contains("# EOF"), "{error}");
    }
}
