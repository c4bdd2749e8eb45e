//! Go's backslash escapes.

use std::iter::Peekable;

/// The character that stands behind a backslash, which the caller has taken; `None` for what Go refuses.
/// Bytes above 127 (`\xff`, `\377`) become the character of that number, since templates compute with text.
pub(super) fn escape(chars: &mut Peekable<impl Iterator<Item = (usize, char)>>) -> Option<char> {
    let (_, kind) = chars.next()?;
    let mut digits = |radix: u32, count: u32, start: u32| {
        let mut code = start;
        for _ in 0..count {
            let (_, digit) = chars.next()?;
            code = code.checked_mul(radix)?.checked_add(digit.to_digit(radix)?)?;
        }
        char::from_u32(code)
    };
    Some(match kind {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '"' | '\'' => kind,
        'x' => digits(16, 2, 0)?,
        'u' => digits(16, 4, 0)?,
        'U' => digits(16, 8, 0)?,
        '0'..='3' => digits(8, 2, kind.to_digit(8)?)?,
        _ => return None,
    })
}
