//! A place in a page, and the small steps that both formats take from there.

use std::cell::OnceCell;

use super::error::Fault;

/// What an identifier may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identifier {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    Metric,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    Label,
}

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) body: &'a [u8],
    pub(super) at: usize,
    /// Up to here the page is UTF-8; what ends later is checked piece by piece. Found out when it is asked for the
    /// first time: who recognises all of a page never asks.
    valid: OnceCell<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Cursor<'a> {
        let valid = OnceCell::new();
        Cursor { body, at: 0, valid }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or(&[])
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.body.get(from..to).unwrap_or(&[])
    }

    /// Steps over `text` if it is next.
    pub(super) fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Steps over blanks and tabs; whether there were any.
    pub(super) fn skip_blanks(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > from
    }

    pub(super) fn identifier(&mut self, kind: Identifier) -> Option<&'a [u8]> {
        let from = self.at;
        let colon = kind == Identifier::Metric;
        let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colon && b == b':');
        let rest = self.rest();
        if !rest.first().copied().is_some_and(letter) {
            return None;
        }
        let len = rest
            .iter()
            .position(|&b| !letter(b) && !b.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += len;
        Some(self.slice(from, self.at))
    }

    /// A quoted string, quotes included; backslashes escape. `None` and no step where it does not begin or end.
    pub(super) fn quoted(&mut self, newline_allowed: bool) -> Option<&'a [u8]> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let from = self.at;
        let mut i = from + 1;
        loop {
            i += memchr::memchr3(b'"', b'\\', b'\n', self.body.get(i..)?)?;
            match self.body.get(i)? {
                b'"' => {
                    self.at = i + 1;
                    return Some(self.slice(from, self.at));
                }
                b'\\' => i += 2,
                _ if newline_allowed => i += 1,
                _ => return None,
            }
        }
    }

    /// Everything up to one of two bytes or the end.
    pub(super) fn until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|&b| stop(b)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or(rest)
    }

    pub(super) fn line_rest(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or(rest)
    }

    /// The text of a piece that ends where the cursor stands or before.
    pub(super) fn text(&self, piece: &'a [u8], what: &str) -> Result<&'a str, Fault> {
        std::str::from_utf8(piece).map_err(|_| self.fault(format!("invalid UTF-8 {what}")))
    }

    /// Refuses bytes that are not UTF-8; free where the whole page is.
    pub(super) fn check_utf8(&self, piece: &[u8], what: &str) -> Result<(), Fault> {
        let valid = || std::str::from_utf8(self.body).map_or_else(|e| e.valid_up_to(), |_| self.body.len());
        if self.at > *self.valid.get_or_init(valid) && std::str::from_utf8(piece).is_err() {
            return Err(self.fault(format!(
                "invalid UTF-8 {what}: {:?}",
                String::from_utf8_lossy(piece)
            )));
        }
        Ok(())
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.at, message)
    }

    /// "expected X, got Y".
    pub(super) fn expected(&self, what: &str) -> Fault {
        let got = match self.rest() {
            [] => "end of input".to_owned(),
            [b'\n', ..] => "end of line".to_owned(),
            rest => {
                let shown = String::from_utf8_lossy(rest.get(..8).unwrap_or(rest)).into_owned();
                format!("{:?}", shown.chars().next().map(String::from).unwrap_or_default())
            }
        };
        self.fault(format!("expected {what}, got {got}"))
    }
}
