//! The tokens of LogQL's log queries.

use std::fmt;

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    Comma,
    Equal,
    NotEqual,
    RegexEqual,
    NotRegex,
    PipeContains,
    PipeMatches,
    PipePattern,
    NotPattern,
    Pipe,
    Identifier(&'a str),
    Text(String),
    /// A character that begins nothing of ours.
    Other(char),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Open => f.write_str("{"),
            Token::Close => f.write_str("}"),
            Token::Comma => f.write_str(","),
            Token::Equal => f.write_str("="),
            Token::NotEqual => f.write_str("!="),
            Token::RegexEqual => f.write_str("=~"),
            Token::NotRegex => f.write_str("!~"),
            Token::PipeContains => f.write_str("|="),
            Token::PipeMatches => f.write_str("|~"),
            Token::PipePattern => f.write_str("|>"),
            Token::NotPattern => f.write_str("!>"),
            Token::Pipe => f.write_str("|"),
            Token::Identifier(name) => f.write_str(name),
            Token::Text(text) => write!(f, "string {text:?}"),
            Token::Other(c) => write!(f, "{c:?}"),
            Token::End => f.write_str("end of query"),
        }
    }
}

/// Longest first, so that `!=` is not read as something shorter.
const SYMBOLS: [(&str, Token<'static>); 12] = [
    ("!=", Token::NotEqual),
    ("=~", Token::RegexEqual),
    ("!~", Token::NotRegex),
    ("|=", Token::PipeContains),
    ("|~", Token::PipeMatches),
    ("|>", Token::PipePattern),
    ("!>", Token::NotPattern),
    ("{", Token::Open),
    ("}", Token::Close),
    (",", Token::Comma),
    ("=", Token::Equal),
    ("|", Token::Pipe),
];

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// The next token and where it begins; an error is a place and a message.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), (usize, String)> {
        self.skip_space_and_comments();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok((start, Token::End));
        };
        if first == '"' || first == '`' {
            let (text, len) = read_string(rest, first).map_err(|message| (start, message))?;
            self.at += len;
            return Ok((start, Token::Text(text)));
        }
        if let Some((symbol, token)) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            self.at += symbol.len();
            return Ok((start, token.clone()));
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            let len = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            self.at += len;
            return Ok((start, Token::Identifier(rest.get(..len).unwrap_or_default())));
        }
        self.at += first.len_utf8();
        Ok((start, Token::Other(first)))
    }
}

/// A quoted string at the start of `rest`: its text and its length with quotes. Escapes are Go's; a back-quoted
/// string has none.
fn read_string(rest: &str, quote: char) -> Result<(String, usize), String> {
    let unterminated = || "literal not terminated".to_owned();
    let body = rest.get(1..).unwrap_or_default();
    if quote == '`' {
        let len = body.find('`').ok_or_else(unterminated)?;
        return Ok((body.get(..len).unwrap_or_default().to_owned(), len + 2));
    }
    let mut bytes = Vec::new();
    let mut chars = body.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => {
                let text = String::from_utf8(bytes).map_err(|_| "string is not valid UTF-8".to_owned())?;
                return Ok((text, i + 2));
            }
            '\n' => return Err(unterminated()),
            '\\' => escape(&mut chars, &mut bytes)?,
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(unterminated())
}

fn escape(chars: &mut std::str::CharIndices<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let (_, c) = chars.next().ok_or("literal not terminated")?;
    let plain = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(digits(chars, "", 2, 16)?).map_err(|e| e.to_string())?,
        '0'..='7' => {
            let value = digits(chars, c.encode_utf8(&mut [0; 4]), 3, 8)?;
            u8::try_from(value).map_err(|_| "octal escape above 255".to_owned())?
        }
        'u' | 'U' => {
            let value = digits(chars, "", if c == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(value).ok_or("escape is no Unicode character")?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        other => return Err(format!("unknown escape sequence \\{other}")),
    };
    out.push(plain);
    Ok(())
}

/// A number of `count` digits, `first` among them.
fn digits(
    chars: &mut std::str::CharIndices<'_>,
    first: &str,
    count: usize,
    radix: u32,
) -> Result<u32, String> {
    let mut text = first.to_owned();
    while text.len() < count {
        let (_, c) = chars.next().ok_or("literal not terminated")?;
        if !c.is_digit(radix) {
            return Err("escape sequence is cut short".to_owned());
        }
        text.push(c);
    }
    u32::from_str_radix(&text, radix).map_err(|e| e.to_string())
}
