//! The walk over a page, one event at a time.

use super::cursor::{Cursor, Identifier};
use super::error::Fault;
use super::event::Event;
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

    /// If the next line is a sample of exactly the series `raw`, gives it without looking at its labels again.
    /// `None`, and no step, where it is anything else or where anything is unusual about it.
    pub fn expect(&mut self, raw: &[u8]) -> Option<Event<'a>> {
        let start = self.cursor.at;
        if self.done || raw.is_empty() || !self.cursor.eat(raw) {
            return None;
        }
        let event = match self.format {
            Format::Text => text::after_series(&mut self.cursor, start),
            Format::OpenMetrics => openmetrics::after_series(&mut self.cursor, start),
        };
        if event.is_err() {
            self.cursor.at = start;
        }
        event.ok()
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
