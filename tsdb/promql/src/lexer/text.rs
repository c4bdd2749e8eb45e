//! Texts in quotes: where they end, and what they mean.

use super::{Kind, Lexed, Lexer};
use crate::quote::CodePoint;

impl Lexer<'_> {
    /// A text whose opening quote has been read.
    pub(super) fn string(&mut self, quote: char) -> Lexed<()> {
        loop {
            match self.next() {
                // Bytes that are not UTF-8 were replaced by this character before they came here; upstream cannot
                // tell one from the other either.
                Some(char::REPLACEMENT_CHARACTER) => return self.error("invalid UTF-8 rune"),
                Some(c) if c == quote => break,
                Some('\\') if quote != '`' => self.escape(quote)?,
                None if quote == '`' => return self.error("unterminated raw string"),
                None => return self.error("unterminated quoted string"),
                Some('\n') if quote != '`' => return self.error("unterminated quoted string"),
                Some(_) => {}
            }
        }
        self.emit(Kind::String);
        Ok(())
    }

    fn escape(&mut self, quote: char) -> Lexed<()> {
        let Some(c) = self.next() else {
            return self.error("escape sequence not terminated");
        };
        let (digits, radix, limit) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == quote => return Ok(()),
            '0'..='7' => {
                // The first digit is read again.
                self.pos -= 1;
                (3, 8, 0xff)
            }
            'x' => (2, 16, 0xff),
            'u' => (4, 16, u32::from(char::MAX)),
            'U' => (8, 16, u32::from(char::MAX)),
            c => return self.error(format!("unknown escape sequence {}", CodePoint(c))),
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let Some(c) = self.next() else {
                return self.error("escape sequence not terminated");
            };
            let Some(digit) = c.to_digit(radix) else {
                return self.error(format!("illegal character {} in escape sequence", CodePoint(c)));
            };
            value = value.wrapping_mul(radix).wrapping_add(digit);
        }
        if value > limit || (0xd800..0xe000).contains(&value) {
            return self.error("escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }
}

/// What a text in quotes means. The lexer has accepted it, so its escapes are whole.
///
/// Escapes of bytes can make what is not UTF-8; such bytes become U+FFFD, since label values are texts. Upstream keeps
/// them, and no stored value can equal them there.
pub(crate) fn unquote(literal: &str) -> String {
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if literal.starts_with('`') || !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            unescape(&mut chars, &mut bytes);
        } else {
            push(&mut bytes, c);
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn unescape(chars: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) {
    let Some(c) = chars.next() else { return };
    let mut number = |digits: usize, radix: u32, first: u32| {
        let digits = chars.by_ref().take(digits);
        digits.fold(first, |value, c| {
            value
                .wrapping_mul(radix)
                .wrapping_add(c.to_digit(radix).unwrap_or(0))
        })
    };
    match c {
        'a' => bytes.push(0x07),
        'b' => bytes.push(0x08),
        'f' => bytes.push(0x0c),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0x0b),
        // Neither leaves a byte's range: the lexer has seen to it.
        'x' => bytes.push(number(2, 16, 0) as u8),
        '0'..='7' => bytes.push(number(2, 8, c.to_digit(8).unwrap_or(0)) as u8),
        'u' | 'U' => {
            let code = number(if c == 'u' { 4 } else { 8 }, 16, 0);
            push(bytes, char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        other => push(bytes, other),
    }
}
