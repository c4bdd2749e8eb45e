//! The text that names a stream in a protobuf push: `{app="x", pod="y"}`, with Go's escapes in the values.

use model::{Labels, LabelsBuilder};

use super::{MAX_LABELS, WHAT};
use crate::push::PushError;

/// Reads the labels of a stream.
///
/// # Errors
/// [`PushError::Malformed`] with the text and the place (in bytes) where it stops making sense.
pub fn parse_labels(text: &str) -> Result<Labels, PushError> {
    let mut parser = Parser { text, at: 0 };
    parser.labels().map_err(|expected| {
        let shown: String = text.chars().take(200).collect();
        PushError::malformed(
            WHAT,
            &format_args!("labels {shown:?}: {expected} at position {}", parser.at),
        )
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Whether `token` comes next, after space; if so it is passed.
    fn eat(&mut self, token: char) -> bool {
        self.skip_space();
        let eaten = self.rest().starts_with(token);
        if eaten {
            self.at += token.len_utf8();
        }
        eaten
    }

    fn labels(&mut self) -> Result<Labels, &'static str> {
        let mut labels = LabelsBuilder::default();
        let mut count = 0;
        if !self.eat('{') {
            return Err("expected '{'");
        }
        while !self.eat('}') {
            if count > 0 && !self.eat(',') {
                return Err("expected ',' or '}'");
            }
            // A comma may stand after the last pair.
            if count > 0 && self.eat('}') {
                break;
            }
            let name = self.name()?;
            if !self.eat('=') {
                return Err("expected '='");
            }
            let value = self.value()?;
            if labels.get(name).is_some() {
                return Err("label given twice");
            }
            labels.set(name, &value);
            count += 1;
            if count > MAX_LABELS {
                return Err("too many labels");
            }
        }
        self.skip_space();
        if self.rest().is_empty() {
            Ok(labels.build())
        } else {
            Err("unexpected text after '}'")
        }
    }

    fn name(&mut self) -> Result<&'a str, &'static str> {
        self.skip_space();
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or("");
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("expected a label name");
        }
        self.at += end;
        Ok(name)
    }

    fn value(&mut self) -> Result<String, &'static str> {
        if self.eat('`') {
            let end = self.rest().find('`').ok_or("unterminated value")?;
            let value = self.rest().get(..end).unwrap_or("").to_owned();
            self.at += end + 1;
            return Ok(value);
        }
        if !self.eat('"') {
            return Err("expected a quoted value");
        }
        let mut value = String::new();
        loop {
            let c = self.next().ok_or("unterminated value")?;
            match c {
                '"' => return Ok(value),
                '\\' => value.push(self.escape()?),
                c => value.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Go's escapes, those of single bytes (`\x`, octal) only as far as they are ASCII.
    fn escape(&mut self) -> Result<char, &'static str> {
        let bad = "invalid escape";
        Ok(match self.next().ok_or("unterminated value")? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            c @ ('\\' | '"' | '\'') => c,
            'x' => self.code(2, 16).filter(char::is_ascii).ok_or(bad)?,
            'u' => self.code(4, 16).ok_or(bad)?,
            'U' => self.code(8, 16).ok_or(bad)?,
            '0'..='7' => {
                self.at -= 1;
                self.code(3, 8).filter(char::is_ascii).ok_or(bad)?
            }
            _ => return Err(bad),
        })
    }

    fn code(&mut self, digits: usize, radix: u32) -> Option<char> {
        let text = self
            .rest()
            .get(..digits)
            .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += digits;
        u32::from_str_radix(text, radix).ok().and_then(char::from_u32)
    }
}
