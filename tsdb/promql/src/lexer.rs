//! From the text of a query to its pieces, in one pass of linear time.
//!
//! The pieces do not depend on what the parser makes of them, only on whether they stand within braces or brackets,
//! so the whole text is cut up before it is parsed: twelve bytes a piece. The first thing that is no piece ends the
//! list. What is accepted, what the errors say and where they point is Prometheus' (`promql/parser/lex.go`), oddities
//! included: within brackets, the rules change after the first number.

mod number;
pub(crate) mod text;
mod token;

use crate::ast::{BinaryOp, Span};
use crate::quote::QuotedChar;

pub(crate) use token::{Keyword, Kind, Token, describe};

/// Why a text cannot be cut up further.
#[derive(Debug)]
pub(crate) struct LexError {
    /// Where the piece begins that is none.
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// The pieces of `text`, up to [`Kind::End`] or [`Kind::Error`].
pub(crate) fn tokenize(text: &str) -> (Vec<Token>, Option<LexError>) {
    let mut lexer = Lexer {
        text,
        pos: 0,
        start: 0,
        parens: 0,
        braces: false,
        brackets: false,
        colon: false,
        duration: false,
        tokens: Vec::with_capacity(text.len() / 4 + 2),
    };
    let error = lexer.run().err();
    if let Some(error) = &error {
        lexer.start = error.at;
        lexer.pos = text.len();
        lexer.emit(Kind::Error);
    }
    (lexer.tokens, error)
}

struct Lexer<'a> {
    text: &'a str,
    /// Behind what was read.
    pos: usize,
    /// Where the current piece begins.
    start: usize,
    /// How many `(` are open.
    parens: usize,
    /// Within `{}`.
    braces: bool,
    /// Within `[]`.
    brackets: bool,
    /// A colon was seen since the last `[`.
    colon: bool,
    /// A number was seen in any `[]`.
    duration: bool,
    tokens: Vec<Token>,
}

/// Which rules hold for the next piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Statement,
    /// In brackets, before the first number.
    Duration,
    Done,
}

type Lexed<T = State> = Result<T, LexError>;

impl Lexer<'_> {
    fn run(&mut self) -> Lexed<()> {
        let mut state = State::Statement;
        while state != State::Done {
            state = match state {
                State::Duration => self.duration()?,
                _ if self.braces => self.inside_braces()?,
                _ => self.statement()?,
            };
        }
        Ok(())
    }

    fn peek(&self) -> Option<char> {
        let byte = *self.text.as_bytes().get(self.pos)?;
        if byte.is_ascii() {
            return Some(char::from(byte));
        }
        self.text.get(self.pos..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.pos += wanted.len_utf8();
        }
        found
    }

    fn emit(&mut self, kind: Kind) {
        // The parser bounds a query far below 4 GiB.
        let span = Span {
            start: self.start as u32,
            end: self.pos as u32,
        };
        self.tokens.push(Token { kind, span });
        self.start = self.pos;
    }

    fn operator(&mut self, op: BinaryOp) {
        self.emit(Kind::Operator(op));
    }

    fn error<T>(&self, message: impl Into<String>) -> Lexed<T> {
        Err(LexError {
            at: self.start,
            message: message.into(),
        })
    }

    /// Upstream points behind some pieces that stand in the wrong place.
    fn error_behind<T>(&self, message: &str) -> Lexed<T> {
        Err(LexError {
            at: self.pos,
            message: message.to_owned(),
        })
    }

    /// What has been read so far of the current piece.
    fn read(&self) -> &str {
        self.text.get(self.start..self.pos).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
        self.start = self.pos;
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
            self.next();
        }
        self.start = self.pos;
    }

    fn statement(&mut self) -> Lexed {
        let Some(c) = self.next() else {
            return self.end();
        };
        match c {
            '#' => self.skip_comment(),
            ',' => self.emit(Kind::Comma),
            '@' => self.emit(Kind::At),
            c if is_space(c) => self.skip_spaces(),
            '"' | '\'' | '`' => self.string(c)?,
            '=' | '!' | '<' | '>' => self.comparison(c)?,
            '0'..='9' => self.number_or_duration()?,
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => self.number_or_duration()?,
            ':' if self.brackets => self.colon_in_brackets()?,
            c if is_alpha(c) && self.brackets => {
                if !self.duration_keyword(c) {
                    return self.error(format!("unexpected character: {}, expected ':'", QuotedChar(c)));
                }
            }
            c if is_alpha(c) || c == ':' => self.word(),
            '(' | ')' => self.paren(c)?,
            '{' => {
                self.emit(Kind::LeftBrace);
                self.braces = true;
            }
            '[' if self.brackets => return self.error("unexpected left bracket '['"),
            '[' => {
                self.colon = false;
                self.emit(Kind::LeftBracket);
                self.skip_spaces();
                self.brackets = true;
                return Ok(State::Duration);
            }
            ']' if !self.brackets => return self.error("unexpected right bracket ']'"),
            ']' => {
                self.emit(Kind::RightBracket);
                self.brackets = false;
            }
            c => match arithmetic(c) {
                Some(op) => self.operator(op),
                None => return self.error(format!("unexpected character: {}", QuotedChar(c))),
            },
        }
        Ok(State::Statement)
    }

    fn end(&mut self) -> Lexed {
        if self.parens > 0 {
            return self.error("unclosed left parenthesis");
        }
        if self.brackets {
            return self.error("unclosed left bracket");
        }
        self.emit(Kind::End);
        Ok(State::Done)
    }

    fn comparison(&mut self, c: char) -> Lexed<()> {
        let op = match (c, self.peek()) {
            ('=', Some('=')) => BinaryOp::Equal,
            ('=', Some('~')) => return self.error("unexpected character after '=': '~'"),
            ('=', _) => {
                self.emit(Kind::Equal);
                return Ok(());
            }
            ('!', Some('=')) => BinaryOp::NotEqual,
            ('!', other) => return self.error(format!("unexpected character after '!': {}", or_end(other))),
            ('<', Some('=')) => BinaryOp::LessEqual,
            ('<', Some('/')) => BinaryOp::TrimUpper,
            ('<', _) => {
                self.operator(BinaryOp::Less);
                return Ok(());
            }
            (_, Some('=')) => BinaryOp::GreaterEqual,
            (_, Some('/')) => BinaryOp::TrimLower,
            _ => {
                self.operator(BinaryOp::Greater);
                return Ok(());
            }
        };
        self.next();
        self.operator(op);
        Ok(())
    }

    fn paren(&mut self, c: char) -> Lexed<()> {
        if c == '(' {
            self.emit(Kind::LeftParen);
            self.parens += 1;
            return Ok(());
        }
        let Some(open) = self.parens.checked_sub(1) else {
            return self.error_behind("unexpected right parenthesis ')'");
        };
        self.parens = open;
        self.emit(Kind::RightParen);
        Ok(())
    }

    fn colon_in_brackets(&mut self) -> Lexed<()> {
        if self.colon {
            return self.error("unexpected colon ':'");
        }
        self.emit(Kind::Colon);
        self.colon = true;
        Ok(())
    }

    /// A name, a keyword, an operator or a number in letters; its first character has been read.
    fn word(&mut self) {
        while self.peek().is_some_and(|c| is_alphanumeric(c) || c == ':') {
            self.pos += 1;
        }
        let kind = match Kind::of_word(self.read()) {
            Kind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight) if !self.before_paren() => {
                // These came late to the language: without parentheses they remain plain names.
                Kind::Identifier
            }
            kind => kind,
        };
        self.emit(kind);
    }

    fn before_paren(&self) -> bool {
        let rest = self.text.get(self.pos..).unwrap_or_default();
        rest.trim_start_matches(is_space).starts_with('(')
    }

    /// `step` and its like, of which the first character `c` has been read; whether it is one.
    fn duration_keyword(&mut self, c: char) -> bool {
        if !starts_duration_keyword(c) {
            return false;
        }
        while self.peek().is_some_and(is_alpha) {
            self.pos += 1;
        }
        let kind = Kind::of_word(self.read());
        let found = matches!(
            kind,
            Kind::Keyword(Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)
        );
        if found {
            self.emit(kind);
        }
        found
    }

    fn duration(&mut self) -> Lexed {
        let Some(c) = self.next() else {
            return self.error("unexpected end of input in duration expression");
        };
        match c {
            ']' => {
                self.emit(Kind::RightBracket);
                (self.brackets, self.colon) = (false, false);
                return Ok(State::Statement);
            }
            ':' => {
                if !self.duration {
                    return self.error_behind("unexpected colon before duration in duration expression");
                }
                if self.colon {
                    return self.error_behind("unexpected repeated colon in duration expression");
                }
                self.emit(Kind::Colon);
                self.colon = true;
            }
            '(' | ')' => self.paren(c)?,
            ',' => self.emit(Kind::Comma),
            c if is_space(c) => self.skip_spaces(),
            c if starts_duration_keyword(c) && self.duration_keyword(c) => {}
            '0'..='9' => return self.first_duration(),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => return self.first_duration(),
            c => match arithmetic(c) {
                Some(op) => self.operator(op),
                None => {
                    let c = QuotedChar(c);
                    return self.error(format!("unexpected character in duration expression: {c}"));
                }
            },
        }
        Ok(State::Duration)
    }

    fn first_duration(&mut self) -> Lexed {
        self.duration = true;
        self.number_or_duration()?;
        Ok(State::Statement)
    }

    fn inside_braces(&mut self) -> Lexed {
        let Some(c) = self.next() else {
            return self.error("unexpected end of input inside braces");
        };
        match c {
            '#' => self.skip_comment(),
            c if is_space(c) => self.skip_spaces(),
            c if is_alpha(c) => {
                while self.peek().is_some_and(is_alphanumeric) {
                    self.pos += 1;
                }
                self.emit(Kind::Identifier);
            }
            ',' => self.emit(Kind::Comma),
            '"' | '\'' | '`' => self.string(c)?,
            '=' if self.eat('~') => self.emit(Kind::Matches),
            '=' => self.emit(Kind::Equal),
            '!' if self.eat('~') => self.emit(Kind::MatchesNot),
            '!' if self.eat('=') => self.operator(BinaryOp::NotEqual),
            '!' => {
                let c = or_end(self.peek());
                return self.error(format!("unexpected character after '!' inside braces: {c}"));
            }
            '{' => return self.error("unexpected left brace '{'"),
            '}' => {
                self.emit(Kind::RightBrace);
                self.braces = false;
            }
            c => return self.error(format!("unexpected character inside braces: {}", QuotedChar(c))),
        }
        Ok(State::Statement)
    }
}

/// The end of the text shows as the character that stands for none.
fn or_end(c: Option<char>) -> QuotedChar {
    QuotedChar(c.unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn arithmetic(c: char) -> Option<BinaryOp> {
    Some(match c {
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Sub,
        '*' => BinaryOp::Mul,
        '/' => BinaryOp::Div,
        '%' => BinaryOp::Mod,
        '^' => BinaryOp::Pow,
        _ => return None,
    })
}

fn starts_duration_keyword(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 's' | 'r' | 'm')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
