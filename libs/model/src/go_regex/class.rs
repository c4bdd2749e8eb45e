//! Character classes in brackets.

use super::escape::{perl_class, unicode_class};
use super::{SyntaxError, Translator, between, escape, push_literal};

/// The names within `[:` and `:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// A class; its bracket, at `from`, is read.
pub(super) fn translate<'p>(translator: &mut Translator<'p>, from: &'p str) -> Result<(), SyntaxError> {
    let unclosed = || SyntaxError::between("missing closing ]", from, "");
    translator.out.push('[');
    if translator.take("^") {
        translator.out.push('^');
    }
    // A bracket that comes first is one of the characters.
    let mut first = true;
    while first || !translator.rest.starts_with(']') {
        first = false;
        if translator.rest.is_empty() {
            return Err(unclosed());
        }
        item(translator, &unclosed)?;
    }
    translator.take("]");
    translator.out.push(']');
    Ok(())
}

/// A named class, a character, or a range of characters.
fn item(translator: &mut Translator<'_>, unclosed: &dyn Fn() -> SyntaxError) -> Result<(), SyntaxError> {
    let from = translator.rest;
    if posix(translator)? || unicode_class(translator)? {
        return Ok(());
    }
    if let Some(class) = perl_class(translator) {
        // Without brackets of its own where that is possible.
        let positive = class.strip_prefix("[").and_then(|c| c.strip_suffix("]"));
        let inner = positive.filter(|inner| !inner.starts_with('^'));
        translator.out.push_str(inner.unwrap_or(class));
        return Ok(());
    }
    let low = character(translator, unclosed)?;
    push_literal(&mut translator.out, low);
    let range = translator.rest.strip_prefix('-');
    if let Some(rest) = range.filter(|rest| !rest.starts_with(']') && !rest.is_empty()) {
        translator.rest = rest;
        let high = character(translator, unclosed)?;
        if high < low {
            let what = "invalid character class range";
            return Err(SyntaxError::between(what, from, translator.rest));
        }
        translator.out.push('-');
        push_literal(&mut translator.out, high);
    }
    Ok(())
}

/// `[:alpha:]` and its kin, if one is there; their negations too.
fn posix(translator: &mut Translator<'_>) -> Result<bool, SyntaxError> {
    let from = translator.rest;
    let Some(text) = from.strip_prefix("[:").filter(|_| translator.may_name_classes) else {
        return Ok(false);
    };
    let Some((name, rest)) = text.split_once(":]") else {
        translator.may_name_classes = false;
        return Ok(false);
    };
    if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(SyntaxError::between("invalid character class range", from, rest));
    }
    translator.out.push_str(between(from, rest));
    translator.rest = rest;
    Ok(true)
}

fn character(
    translator: &mut Translator<'_>,
    unclosed: &dyn Fn() -> SyntaxError,
) -> Result<char, SyntaxError> {
    let from = translator.rest;
    match translator.next() {
        None => Err(unclosed()),
        Some('\\') => escape::character(translator, from),
        Some(c) => Ok(c),
    }
}
