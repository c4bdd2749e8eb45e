//! What follows a backslash.

use super::{SyntaxError, Translator};

/// An escape outside of brackets; its backslash, at `from`, is read.
pub(super) fn translate<'p>(translator: &mut Translator<'p>, from: &'p str) -> Result<(), SyntaxError> {
    // Go's words are ASCII everywhere; the regex crate's are if it is told so.
    let assertions = [("A", "\\A"), ("z", "\\z"), ("b", "(?-u:\\b)"), ("B", "(?-u:\\B)")];
    for (letter, written) in assertions {
        if translator.take(letter) {
            translator.out.push_str(written);
            return Ok(());
        }
    }
    if translator.take("Q") {
        let (quoted, rest) = translator.rest.split_once("\\E").unwrap_or((translator.rest, ""));
        quoted.chars().for_each(|c| translator.literal(c));
        translator.rest = rest;
        translator.nothing = quoted.is_empty();
        return Ok(());
    }
    let after = translator.rest;
    translator.rest = from;
    if unicode_class(translator)? {
        return Ok(());
    }
    if let Some(class) = perl_class(translator) {
        translator.out.push_str(class);
        return Ok(());
    }
    translator.rest = after;
    let c = character(translator, from)?;
    translator.literal(c);
    Ok(())
}

/// `\d`, `\s`, `\w` or the opposite, if one is there, written as a class in brackets. They are of ASCII, and `\s`
/// has no vertical tab.
pub(super) fn perl_class(translator: &mut Translator<'_>) -> Option<&'static str> {
    let classes = [
        ("\\d", "[0-9]"),
        ("\\D", "[^0-9]"),
        ("\\s", "[\\t\\n\\f\\r ]"),
        ("\\S", "[^\\t\\n\\f\\r ]"),
        ("\\w", "[0-9A-Za-z_]"),
        ("\\W", "[^0-9A-Za-z_]"),
    ];
    let found = classes.into_iter().find(|(text, _)| translator.take(text));
    found.map(|(_, class)| class)
}

/// `\pN`, `\p{Greek}`, `\P{^Greek}`, if one is there. Whether the name is known the regex crate finds out.
pub(super) fn unicode_class(translator: &mut Translator<'_>) -> Result<bool, SyntaxError> {
    let from = translator.rest;
    let mut negated = from.starts_with("\\P");
    let Some(text) = from.strip_prefix("\\p").or_else(|| from.strip_prefix("\\P")) else {
        return Ok(false);
    };
    let bad = |rest| SyntaxError::between("invalid character class range", from, rest);
    let (name, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}').ok_or_else(|| bad(""))?,
        None => {
            let len = text.chars().next().map_or(0, char::len_utf8);
            text.split_at_checked(len).unwrap_or((text, ""))
        }
    };
    let bare = name.strip_prefix('^');
    negated ^= bare.is_some();
    let name = bare.unwrap_or(name);
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(bad(rest));
    }
    let start = if negated { "\\P{" } else { "\\p{" };
    translator.out.extend([start, name, "}"]);
    translator.rest = rest;
    Ok(true)
}

/// An escape that stands for one character; its backslash, at `from`, is read.
pub(super) fn character<'p>(translator: &mut Translator<'p>, from: &'p str) -> Result<char, SyntaxError> {
    let Some(c) = translator.next() else {
        return Err(SyntaxError::Whole("trailing backslash at end of expression"));
    };
    let read = match c {
        'a' => Some('\x07'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        'x' => hexadecimal(translator),
        '0'..='7' => octal(translator, c),
        c => Some(c).filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric()),
    };
    read.ok_or_else(|| SyntaxError::between("invalid escape sequence", from, translator.rest))
}

/// Up to three digits; one alone would be a reference back, unless it is 0.
fn octal(translator: &mut Translator<'_>, first: char) -> Option<char> {
    let mut value = first.to_digit(8)?;
    let mut digits = 1;
    while digits < 3
        && let Some(digit) = translator.rest.chars().next().and_then(|c| c.to_digit(8))
    {
        translator.next();
        value = value * 8 + digit;
        digits += 1;
    }
    char::from_u32(value).filter(|_| digits > 1 || first == '0')
}

/// Two digits, or any number of them in braces.
fn hexadecimal(translator: &mut Translator<'_>) -> Option<char> {
    let digits = if translator.take("{") {
        let (digits, rest) = translator.rest.split_once('}')?;
        translator.rest = rest;
        digits
    } else {
        let (digits, rest) = translator.rest.split_at_checked(2)?;
        translator.rest = rest;
        digits
    };
    let significant = digits.trim_start_matches('0');
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()) && significant.len() <= 6;
    let value = valid.then(|| u32::from_str_radix(significant, 16).unwrap_or(0))?;
    char::from_u32(value)
}
