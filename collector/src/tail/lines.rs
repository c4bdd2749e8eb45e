//! Bytes of a file as they arrive, cut into lines of bounded length.
//!
//! Pure: bytes and the time go in, lines come out. A line longer than [`MAX_LINE`] comes in pieces; a last line
//! without its end is held back until the end comes or [`IDLE_MS`] have passed without a byte.

/// A longer line comes in pieces of so many bytes.
pub(super) const MAX_LINE: usize = 256 << 10;
/// After so many milliseconds without a byte, a line without an end is taken as it is.
pub(super) const IDLE_MS: i64 = 5_000;

/// The lines of one file.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What has arrived of a line whose end has not.
    held: Vec<u8>,
    /// When its last byte came, in milliseconds.
    held_since_ms: i64,
}

impl Lines {
    /// Takes the next bytes of the file; `each` gets every line that has become whole, without its end.
    pub(super) fn feed(&mut self, mut bytes: &[u8], now_ms: i64, mut each: impl FnMut(&[u8])) {
        if !bytes.is_empty() {
            self.held_since_ms = now_ms;
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            if self.held.is_empty() {
                pieces(line, &mut each);
            } else {
                self.held.extend_from_slice(line);
                pieces(&self.held, &mut each);
                self.held.clear();
            }
        }
        self.held.extend_from_slice(bytes);
        while self.held.len() > MAX_LINE {
            let rest = self.held.split_off(cut(&self.held));
            each(&self.held);
            self.held = rest;
        }
    }

    /// Gives the line without an end, if it has been idle for long or `at_once` is set.
    pub(super) fn flush(&mut self, now_ms: i64, at_once: bool, each: impl FnMut(&[u8])) {
        let idle = now_ms.saturating_sub(self.held_since_ms) >= IDLE_MS;
        if !self.held.is_empty() && (idle || at_once) {
            pieces(&self.held, each);
            self.held.clear();
        }
    }

    /// How many bytes have been fed and not given.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

fn pieces(line: &[u8], mut each: impl FnMut(&[u8])) {
    let mut line = line.strip_suffix(b"\r").unwrap_or(line);
    while line.len() > MAX_LINE {
        let (piece, rest) = line.split_at(cut(line));
        each(piece);
        line = rest;
    }
    each(line);
}

/// Where to cut a line that is too long: not within a character, where that can be helped.
fn cut(line: &[u8]) -> usize {
    let is_start = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    (MAX_LINE - 3..=MAX_LINE).rev().find(is_start).unwrap_or(MAX_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(lines: &mut Lines, bytes: &[u8], now_ms: i64) -> Vec<String> {
        let mut out = Vec::new();
        lines.feed(bytes, now_ms, |line| {
            out.push(String::from_utf8_lossy(line).into_owned())
        });
        out
    }

    #[test]
    fn lines_in_whatever_pieces_they_come() {
        let text = b"one\ntwo\r\n\nfour\n";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let all: Vec<String> = text
                .chunks(size)
                .flat_map(|chunk| fed(&mut lines, chunk, 0))
                .collect();
            assert_eq!(all, ["one", "two", "", "four"], "pieces of {size}");
            assert_eq!(lines.held(), 0);
        }
    }

    #[test]
    fn a_line_without_an_end_waits() {
        let mut lines = Lines::default();
        assert!(fed(&mut lines, b"half", 1000).is_empty());
        let mut out = Vec::new();
        lines.flush(1000 + IDLE_MS - 1, false, |line| out.push(line.to_vec()));
        assert!(out.is_empty());
        lines.flush(1000 + IDLE_MS, false, |line| out.push(line.to_vec()));
        assert_eq!(out, [b"half"]);
        assert_eq!(lines.held(), 0);
    }

    #[test]
    fn long_lines_come_in_pieces_between_characters() {
        let text = "ä".repeat(MAX_LINE) + "\nnext\n";
        for size in [1000, MAX_LINE, text.len()] {
            let mut lines = Lines::default();
            let all: Vec<String> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|chunk| fed(&mut lines, chunk, 0))
                .collect();
            assert!(
                all.iter()
                    .all(|line| line.len() <= MAX_LINE && !line.contains('\u{fffd}'))
            );
            assert_eq!(all.concat(), "ä".repeat(MAX_LINE) + "next");
            assert_eq!(all.last().unwrap(), "next");
        }
    }
}
