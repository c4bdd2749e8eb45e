//! The walk over a page, one event at a time.

use super::cursor::{Cursor, Identifier};
use super::error::Fault;
use super::event::{Event, Series};
use super::number::short_decimal;
use super::{Format, ParseError, labels, openmetrics, text};

/// Reads a page. An iterator that ends after the first error or after [`Event::Eof`].
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    format: Format,
    done: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `body`.
    pub fn new(body: &'a [u8], format: Format) -> Parser<'a> {
        Parser {
            cursor: Cursor::new(body),
            format,
            done: false,
        }
    }

    /// Where the next line begins, in bytes from the start of the page.
    pub fn position(&self) -> usize {
        self.cursor.at
    }

    /// Whether the next line begins as comments do.
    pub fn at_comment(&self) -> bool {
        self.cursor.peek() == Some(b'#')
    }

    /// If the next line begins with the name and labels of a series that `known` recognises, `len` bytes long, gives
    /// its sample without looking at them again. `None`, and no step, where `known` says no or where anything else is
    /// unusual about the line. What is recognised must have been given by [`Parser::next`] before, for some page.
    pub fn expect(&mut self, len: usize, known: impl FnOnce(&[u8]) -> bool) -> Option<Series<'a>> {
        if self.done || len == 0 {
            return None;
        }
        let start = self.cursor.at;
        let (raw, rest) = self.cursor.rest().split_at_checked(len)?;
        if !known(raw) {
            return None;
        }
        if let [b' ', number @ ..] = rest
            && let Some((value, digits)) = short_decimal(number)
            && number.get(digits) == Some(&b'\n')
        {
            self.cursor.at += len + digits + 2;
            return Some(Series {
                raw,
                value,
                timestamp_ms: None,
                exemplar: None,
            });
        }
        self.cursor.at += len;
        let event = match self.format {
            Format::Text => text::after_series(&mut self.cursor, start),
            Format::OpenMetrics => openmetrics::after_series(&mut self.cursor, start),
        };
        match event {
            Ok(Event::Series(series)) => Some(series),
            _ => {
                self.cursor.at = start;
                None
            }
        }
    }

    /// Steps over the next `len` bytes if they are whole lines that `known` recognises; whether it did.
    pub fn skip_lines(&mut self, len: usize, known: impl FnOnce(&[u8]) -> bool) -> bool {
        let lines = self.cursor.rest().get(..len).filter(|_| !self.done);
        let found = lines.is_some_and(|lines| lines.ends_with(b"\n") && known(lines));
        if found {
            self.cursor.at += len;
        }
        found
    }

    /// Continues with the line after the one that is wrong; for those who want all errors.
    pub(super) fn recover(&mut self) {
        self.cursor.line_rest();
        self.cursor.at += 1;
        self.done = self.cursor.at >= self.cursor.body.len();
    }
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Event<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let event = match self.format {
            Format::Text => text::next(&mut self.cursor),
            Format::OpenMetrics => openmetrics::next(&mut self.cursor),
        };
        self.done = matches!(event, Err(_) | Ok(Event::Eof));
        Some(event.map_err(|fault| fault.locate(self.cursor.body)))
    }
}

/// Steps over a series' name and labels; what is left in front of the cursor begins at the start.
pub(super) fn series(cursor: &mut Cursor<'_>, format: Format) -> Result<(), Fault> {
    let named = cursor.identifier(Identifier::Metric).is_some();
    let behind_name = cursor.at;
    if format == Format::Text && named {
        cursor.skip_blanks();
    }
    if !cursor.eat(b"{") {
        cursor.at = behind_name;
        return Ok(());
    }
    let ignore_name = &mut |_: &Cursor<'_>, _: &[u8]| Ok(());
    let ignore_pair = &mut |_: &Cursor<'_>, _: &[u8], _: &[u8]| Ok(());
    let quoted = labels::walk(cursor, format, !named, ignore_name, ignore_pair)?;
    match named || quoted {
        true => Ok(()),
        false => Err(cursor.fault("metric name not set")),
    }
}
