//! Where a number or a duration ends.
//!
//! The scanner is lenient, what it accepts need not be a number: the parser finds that out. Its rules are upstream's
//! with all they forbid by accident, such as `0xee` before the end of the text.

use super::{Kind, Lexed, Lexer, is_alphanumeric};
use crate::quote::Quoted;

const DIGITS: &[u8] = b"0123456789";
const HEX_DIGITS: &[u8] = b"0123456789abcdefABCDEF";

impl Lexer<'_> {
    /// A number or a duration, of which the first character has been read.
    pub(super) fn number_or_duration(&mut self) -> Lexed<()> {
        self.pos = self.start;
        let kind = if self.number() {
            Kind::Number
        } else if self.units() {
            Kind::Duration
        } else {
            return self.error(format!("bad number or duration syntax: {}", Quoted(self.read())));
        };
        self.emit(kind);
        Ok(())
    }

    fn at(&self, set: &[u8]) -> bool {
        let next = self.text.as_bytes().get(self.pos);
        next.is_some_and(|b| set.contains(b))
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let found = self.at(set);
        self.pos += usize::from(found);
        found
    }

    fn at_end(&self) -> bool {
        self.pos >= self.text.len()
    }

    fn number(&mut self) -> bool {
        let hex = self.accept(b"0") && self.accept(b"xX");
        if hex {
            self.accept(b"_");
        }
        let digits = if hex { HEX_DIGITS } else { DIGITS };
        self.accept(b".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        while self.at(digits) || self.at(b"._eE") {
            if (dot && self.accept(b".")) || (exponent && self.accept(b"eE")) {
                return false;
            }
            if self.accept(b".") {
                dot = true;
                if self.accept(b"_.") || hex {
                    return false;
                }
            } else if self.accept(b"eE") {
                exponent = true;
                self.accept(b"+-");
                if self.accept(b"._eE") || self.at_end() {
                    return false;
                }
            } else if self.accept(b"_") {
                if self.accept(b"._eE") || self.at_end() {
                    return false;
                }
            } else {
                while self.accept(digits) {}
            }
        }
        self.pos > self.start && !self.peek().is_some_and(is_alphanumeric)
    }

    /// The rest of a duration, from the unit of its first number on.
    fn units(&mut self) -> bool {
        if !self.accept(b"smhdwy") {
            return false;
        }
        self.accept(b"s");
        while self.accept(DIGITS) {
            while self.accept(DIGITS) {}
            // Years can only come first.
            if !self.accept(b"smhdw") {
                return false;
            }
            self.accept(b"s");
        }
        match self.peek() {
            Some(c) if is_alphanumeric(c) => {
                // The error shows it.
                self.pos += 1;
                false
            }
            _ => true,
        }
    }
}
