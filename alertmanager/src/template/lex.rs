//! Template text to tokens, in one pass; trim markers and comments are dealt with here.

use super::TemplateError;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// What a token is. Text borrows from the template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'a> {
    Text(&'a str),
    Open,
    Close,
    Word(&'a str),
    /// `.name`, without the dot.
    Field(&'a str),
    Dot,
    /// With its `$`.
    Variable(&'a str),
    Number(&'a str),
    Char(char),
    String(String),
    Pipe,
    LeftParen,
    RightParen,
    Declare,
    Assign,
    Comma,
    End,
}

/// A token, where it begins, and whether white space stands before it.
#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: usize,
    pub(super) spaced: bool,
}

/// Takes `text` apart. The last token is [`Kind::End`].
pub(super) fn lex<'a>(name: &'a str, text: &'a str) -> Result<Vec<Token<'a>>, TemplateError> {
    let mut lexer = Lexer {
        name,
        text,
        at: 0,
        tokens: Vec::new(),
    };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    name: &'a str,
    text: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn push(&mut self, kind: Kind<'a>, at: usize, spaced: bool) {
        self.tokens.push(Token { kind, at, spaced });
    }

    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::at(self.name, self.text, at, message))
    }

    fn run(&mut self) -> Result<(), TemplateError> {
        let mut trim_start = false;
        loop {
            let rest = self.rest();
            let open = rest.find(OPEN);
            let mut text = rest.get(..open.unwrap_or(rest.len())).unwrap_or("");
            let text_at = self.at;
            let after_open = open.map(|o| rest.get(o + OPEN.len()..).unwrap_or(""));
            let trim_end =
                after_open.is_some_and(|r| r.strip_prefix('-').is_some_and(|r| r.starts_with(SPACES)));
            if trim_start {
                text = text.trim_start_matches(SPACES);
            }
            if trim_end {
                text = text.trim_end_matches(SPACES);
            }
            if !text.is_empty() {
                self.push(Kind::Text(text), text_at, false);
            }
            let Some(open) = open else {
                self.push(Kind::End, self.text.len(), false);
                return Ok(());
            };
            let open_at = self.at + open;
            self.at = open_at + OPEN.len() + usize::from(trim_end);
            trim_start = match self.comment(open_at)? {
                Some(trim) => trim,
                None => {
                    self.push(Kind::Open, open_at, false);
                    self.action(open_at)?
                }
            };
        }
    }

    /// Passes over a comment; says whether it ends in a trim marker, or `None` where there is no comment.
    fn comment(&mut self, open_at: usize) -> Result<Option<bool>, TemplateError> {
        let rest = self.rest();
        let body = if self.text.get(self.at - 1..self.at) == Some("-") {
            rest.trim_start_matches(SPACES)
        } else {
            rest
        };
        let Some(comment) = body.strip_prefix("/*") else {
            return Ok(None);
        };
        let Some(end) = comment.find("*/") else {
            return self.error(open_at, "unclosed comment");
        };
        let after = comment.get(end + 2..).unwrap_or("");
        let trimmed = after.trim_start_matches(SPACES);
        let (trim, tail) = match trimmed.strip_prefix("-}}") {
            Some(tail) if trimmed.len() < after.len() => (true, tail),
            _ => match after.strip_prefix(CLOSE) {
                Some(tail) => (false, tail),
                None => return self.error(open_at, "comment ends before closing delimiter"),
            },
        };
        self.at = self.text.len() - tail.len();
        Ok(Some(trim))
    }

    /// The tokens of one action up to its end; says whether it ends in a trim marker.
    fn action(&mut self, open_at: usize) -> Result<bool, TemplateError> {
        let mut parens: u32 = 0;
        loop {
            let before = self.rest();
            let rest = before.trim_start_matches(SPACES);
            let spaced = rest.len() < before.len();
            self.at = self.text.len() - rest.len();
            let at = self.at;
            let trims = spaced && rest.starts_with("-}}");
            if trims || rest.starts_with(CLOSE) {
                if parens > 0 {
                    return self.error(at, "unclosed left paren");
                }
                self.at += CLOSE.len() + usize::from(trims);
                self.push(Kind::Close, at, spaced);
                return Ok(trims);
            }
            let Some(first) = rest.chars().next() else {
                return self.error(open_at, "unclosed action");
            };
            let kind = self.token(first, rest)?;
            match kind {
                Kind::LeftParen => parens += 1,
                Kind::RightParen if parens == 0 => return self.error(at, "unexpected right paren"),
                Kind::RightParen => parens -= 1,
                _ => {}
            }
            self.push(kind, at, spaced);
        }
    }

    /// The token at the head of `rest`, moving behind it.
    fn token(&mut self, first: char, rest: &'a str) -> Result<Kind<'a>, TemplateError> {
        let second = rest.chars().nth(1);
        let (kind, len) = match first {
            '|' => (Kind::Pipe, 1),
            '(' => (Kind::LeftParen, 1),
            ')' => (Kind::RightParen, 1),
            ',' => (Kind::Comma, 1),
            '=' => (Kind::Assign, 1),
            ':' if second == Some('=') => (Kind::Declare, 2),
            ':' => return self.error(self.at, "expected :="),
            '"' => return self.quoted('"'),
            '\'' => return self.quoted('\''),
            '`' => match rest
                .get(1..)
                .and_then(|r| r.find('`').and_then(|end| r.get(..end)))
            {
                Some(raw) => (Kind::String(raw.to_owned()), raw.len() + 2),
                None => return self.error(self.at, "unterminated raw quoted string"),
            },
            '$' => {
                let word = word_len(rest.get(1..).unwrap_or(""));
                (Kind::Variable(rest.get(..=word).unwrap_or("$")), word + 1)
            }
            '.' if !second.is_some_and(|c| c.is_ascii_digit()) => match word_len(rest.get(1..).unwrap_or(""))
            {
                0 => (Kind::Dot, 1),
                len => (Kind::Field(rest.get(1..=len).unwrap_or("")), len + 1),
            },
            '.' | '+' | '-' | '0'..='9' => {
                let len = number_len(rest);
                (Kind::Number(rest.get(..len).unwrap_or("")), len)
            }
            c if is_word(c) => {
                let len = word_len(rest);
                (Kind::Word(rest.get(..len).unwrap_or("")), len)
            }
            c => return self.error(self.at, format!("unexpected {c:?} in action")),
        };
        self.at += len;
        Ok(kind)
    }

    /// A quoted string or character constant.
    fn quoted(&mut self, quote: char) -> Result<Kind<'a>, TemplateError> {
        let start = self.at;
        let what = if quote == '"' {
            "quoted string"
        } else {
            "character constant"
        };
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        loop {
            match chars.next() {
                None | Some((_, '\n')) => return self.error(start, format!("unterminated {what}")),
                Some((i, c)) if c == quote => {
                    self.at = start + i + 1;
                    break;
                }
                Some((i, '\\')) => match super::unquote::escape(&mut chars) {
                    Some(c) => text.push(c),
                    None => return self.error(start + i, format!("bad escape in {what}")),
                },
                Some((_, c)) => text.push(c),
            }
        }
        if quote == '"' {
            return Ok(Kind::String(text));
        }
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Kind::Char(c)),
            _ => self.error(start, "malformed character constant"),
        }
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_len(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// A sign, then whatever can belong to a number; whether it is one is the parser's business.
fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = text
        .trim_start_matches(['+', '-'])
        .get(..2)
        .is_some_and(|p| p.eq_ignore_ascii_case("0x"));
    let mut len = 1;
    while let Some(&b) = bytes.get(len) {
        let exponent = bytes.get(len - 1).is_some_and(|p| match p {
            b'e' | b'E' => !hex,
            b'p' | b'P' => hex,
            _ => false,
        });
        if b.is_ascii_alphanumeric() || b == b'.' || b == b'_' || (exponent && (b == b'+' || b == b'-')) {
            len += 1;
        } else {
            break;
        }
    }
    len
}
