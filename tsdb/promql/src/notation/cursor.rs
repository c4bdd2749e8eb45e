//! Reads names and quoted strings from the front of a text.

/// What is left of a text.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { rest: text }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn peek(&self, c: char) -> bool {
        self.rest.starts_with(c)
    }

    /// Takes `c` if it comes next.
    pub(super) fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Letters, digits, `_` and `:`; maybe none.
    pub(super) fn identifier(&mut self) -> &'a str {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    /// A bare or quoted name, and whether it was quoted.
    pub(super) fn label_name(&mut self) -> Result<(String, bool), String> {
        if self.peek('"') || self.peek('\'') || self.peek('`') {
            return Ok((self.string()?, true));
        }
        match self.identifier() {
            "" => Err(format!("expected a label name at {:?}", self.rest)),
            name => Ok((name.to_owned(), false)),
        }
    }

    /// A string in double or single quotes with Go's escapes, or in back quotes as it is.
    pub(super) fn string(&mut self) -> Result<String, String> {
        let mut chars = self.rest.chars();
        let quote = chars
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'))
            .ok_or("expected a quoted string")?;
        let mut bytes = Vec::new();
        loop {
            let c = chars.next().ok_or("unterminated string")?;
            if c == quote {
                break;
            }
            if c == '\\' && quote != '`' {
                escape(&mut chars, &mut bytes)?;
            } else {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        self.rest = chars.as_str();
        String::from_utf8(bytes).map_err(|_| "string is not UTF-8".to_owned())
    }
}

fn escape(chars: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let c = chars.next().ok_or("unterminated string")?;
    let simple = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '"' | '\'' => c as u8,
        'x' => u8::try_from(digits(chars, 2, 16, 0)?).map_err(|e| e.to_string())?,
        'u' | 'U' => {
            let code = digits(chars, if c == 'u' { 4 } else { 8 }, 16, 0)?;
            let c = char::from_u32(code).ok_or("escape is no character")?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        '0'..='7' => {
            let first = c.to_digit(8).unwrap_or(0);
            u8::try_from(digits(chars, 2, 8, first)?).map_err(|e| e.to_string())?
        }
        other => return Err(format!("unknown escape sequence '\\{other}'")),
    };
    out.push(simple);
    Ok(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32, first: u32) -> Result<u32, String> {
    (0..count).try_fold(first, |value, _| {
        let digit = chars
            .next()
            .and_then(|c| c.to_digit(radix))
            .ok_or("escape is too short")?;
        value
            .checked_mul(radix)
            .and_then(|v| v.checked_add(digit))
            .ok_or_else(|| "escape is too large".to_owned())
    })
}
