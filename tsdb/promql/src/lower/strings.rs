//! Rewrites the string literals of a query into the one form that the parser crate reads right.
//!
//! The crate takes a backslash within back quotes for an escape and `\xff` for a character rather than a byte.
//! Every literal is decoded here by the language's rules and written again in double quotes with the simplest
//! escapes. Comments go away on the occasion.

use std::fmt::Write;

use crate::QueryError;
use crate::notation::split_string;

/// A query with plain double-quoted strings only.
pub(super) struct Normalized {
    pub(super) text: String,
    /// How much of the text is not within strings.
    pub(super) code_bytes: usize,
}

/// Decodes and rewrites the strings of a query.
pub(super) fn normalize(query: &str) -> Result<Normalized, QueryError> {
    let mut code_bytes = 0;
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.find(['"', '\'', '`', '#']) {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        code_bytes += head.len();
        if tail.starts_with('#') {
            rest = tail.find('\n').and_then(|end| tail.get(end..)).unwrap_or("");
            continue;
        }
        let (text, after) = split_string(tail).map_err(|message| QueryError::Parse {
            message: format!("parse error: {message}"),
            pos: Some(query.len() - tail.len()),
        })?;
        quote(&text, &mut out);
        rest = after;
    }
    out.push_str(rest);
    code_bytes += rest.len();
    Ok(Normalized {
        text: out,
        code_bytes,
    })
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
