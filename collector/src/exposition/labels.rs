//! Name and labels of a series, and how the scan over them goes; decoded only for a series not seen before.

use std::borrow::Cow;

use super::Format;
use super::cursor::{Cursor, Identifier};
use super::error::{Fault, ParseError};

/// A decoded series: the name, and label pairs in the order of the page, empty values included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawLabels<'a> {
    /// The metric's name.
    pub name: Cow<'a, str>,
    /// Names and values, unescaped.
    pub pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Reads the name and labels of [`super::Series::raw`] or [`super::Exemplar::raw_labels`].
///
/// # Errors
/// The text is not what the parser gives, or a label occurs twice.
pub fn decode_labels(raw: &[u8]) -> Result<RawLabels<'_>, ParseError> {
    let mut out = RawLabels::default();
    decode(raw, &mut out).map_err(|fault| fault.locate(raw))?;
    Ok(out)
}

fn decode<'a>(raw: &'a [u8], out: &mut RawLabels<'a>) -> Result<(), Fault> {
    let mut cursor = Cursor::new(raw);
    if let Some(name) = cursor.identifier(Identifier::Metric) {
        out.name = Cow::Borrowed(cursor.text(name, "metric name")?);
    }
    cursor.skip_blanks();
    if !cursor.eat(b"{") {
        return Ok(());
    }
    let mut on_name = |cursor: &Cursor<'a>, name: &'a [u8]| {
        out.name = unquote(cursor.text(name, "metric name")?);
        Ok(())
    };
    let pairs = &mut out.pairs;
    let mut on_pair = |cursor: &Cursor<'a>, name: &'a [u8], value: &'a [u8]| {
        let name = unquote(cursor.text(name, "label name")?);
        if pairs.iter().any(|(known, _)| *known == name) {
            return Err(cursor.fault(format!("label name \"{name}\" is not unique")));
        }
        pairs.push((name, unquote(cursor.text(value, "label value")?)));
        Ok(())
    };
    // The laxer of the two formats: the parser that found `raw` has already been strict.
    walk(&mut cursor, Format::Text, true, &mut on_name, &mut on_pair).map(|_| ())
}

/// Steps from behind `{` to behind `}`. `on_name` gets a quoted metric name, `on_pair` each label, quotes
/// included. Whether there was a quoted name.
pub(super) fn walk<'a>(
    cursor: &mut Cursor<'a>,
    format: Format,
    name_allowed: bool,
    on_name: &mut impl FnMut(&Cursor<'a>, &'a [u8]) -> Result<(), Fault>,
    on_pair: &mut impl FnMut(&Cursor<'a>, &'a [u8], &'a [u8]) -> Result<(), Fault>,
) -> Result<bool, Fault> {
    let text = format == Format::Text;
    let blanks = |cursor: &mut Cursor<'a>| {
        // OpenMetrics has no blanks here.
        if text {
            cursor.skip_blanks();
        }
    };
    let mut named = false;
    loop {
        blanks(cursor);
        if cursor.eat(b"}") {
            return Ok(named);
        }
        let start = cursor.at;
        let quoted = cursor.quoted(true);
        let name = match quoted {
            Some(name) => name,
            None => cursor
                .identifier(Identifier::Label)
                .ok_or_else(|| cursor.expected("label name"))?,
        };
        blanks(cursor);
        if quoted.is_some() && matches!(cursor.peek(), Some(b',' | b'}')) {
            if named || !name_allowed {
                return Err(Fault::new(start, "metric name already set"));
            }
            cursor.check_utf8(name, "metric name")?;
            on_name(cursor, name)?;
            named = true;
        } else {
            if !cursor.eat(b"=") {
                return Err(cursor.expected("equal"));
            }
            blanks(cursor);
            let value = cursor
                .quoted(text)
                .ok_or_else(|| cursor.expected("label value"))?;
            cursor.check_utf8(value, "label value")?;
            on_pair(cursor, name, value)?;
        }
        blanks(cursor);
        if !cursor.eat(b",") && !text && cursor.peek() != Some(b'}') {
            return Err(cursor.expected("comma or brace close"));
        }
    }
}

/// The text between quotes, `\\`, `\"` and `\n` decoded; a name without quotes as it is.
fn unquote(text: &str) -> Cow<'_, str> {
    match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(inner) => unescape(inner, true),
        None => Cow::Borrowed(text),
    }
}

/// Decodes `\\`, `\n` and, where `quotes`, `\"`. Any other backslash stands for itself.
fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('\\') => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}

/// A help text as it was meant: `\\` and `\n` decoded.
pub(crate) fn unescape_help(text: &str) -> Cow<'_, str> {
    unescape(text, false)
}
