//! Texts and characters in quotes, as Go's `strconv.Quote`, `%q` and `%#U` write them: what Prometheus prints in
//! canonical expressions and in error messages.

use std::fmt::{self, Display, Formatter, Write};
use std::sync::LazyLock;

use regex::Regex;

/// A text in double quotes.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        quote(f, self.0, '"')
    }
}

/// A character in single quotes.
pub(crate) struct QuotedChar(pub(crate) char);

impl Display for QuotedChar {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        quote(f, self.0.encode_utf8(&mut [0; 4]), '\'')
    }
}

/// A character by its number, and as itself where it can be seen: `U+0063 'c'`.
pub(crate) struct CodePoint(pub(crate) char);

impl Display for CodePoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        if is_printable(self.0) {
            write!(f, " '{}'", self.0)?;
        }
        Ok(())
    }
}

fn quote(f: &mut Formatter<'_>, text: &str, mark: char) -> fmt::Result {
    f.write_char(mark)?;
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            c if c == mark => write!(f, "\\{c}")?,
            c if is_printable(c) => f.write_char(c)?,
            '\u{07}' => f.write_str("\\a")?,
            '\u{08}' => f.write_str("\\b")?,
            '\u{0c}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{0b}' => f.write_str("\\v")?,
            c if c < ' ' || c == '\u{7f}' => write!(f, "\\x{:02x}", u32::from(c))?,
            c if u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "\\U{:08x}", u32::from(c))?,
        }
    }
    f.write_char(mark)
}

/// Letters, marks, numbers, punctuation, symbols, and no space but the ASCII one.
fn is_printable(c: char) -> bool {
    static PRINTABLE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[\p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
    match c {
        ' '..='~' => true,
        c if c.is_ascii() => false,
        c => PRINTABLE
            .as_ref()
            .is_some_and(|r| r.is_match(c.encode_utf8(&mut [0; 4]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_does() {
        for (text, quoted) in [
            ("", r#""""#),
            (r#"a"b'c\"#, r#""a\"b'c\\""#),
            (
                "\u{0}\u{7}\u{8}\u{b}\u{c}\n\r\t\u{1b}\u{7f}",
                r#""\x00\a\b\v\f\n\r\t\x1b\x7f""#,
            ),
            ("é炬🦀\u{fffd}", "\"é炬🦀\u{fffd}\""),
            (
                "\u{a0}\u{ad}\u{200b}\u{e000}\u{1fffe}",
                r#""\u00a0\u00ad\u200b\ue000\U0001fffe""#,
            ),
            ("e\u{301}", "\"e\u{301}\""),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }

    #[test]
    fn characters_are_quoted_as_go_does() {
        assert_eq!(QuotedChar('\'').to_string(), r"'\''");
        assert_eq!(QuotedChar('"').to_string(), "'\"'");
        assert_eq!(CodePoint('c').to_string(), "U+0063 'c'");
        assert_eq!(CodePoint('\n').to_string(), "U+000A");
    }
}
