//! The part of LogQL that selects lines: a stream selector followed by line filters.
//!
//! `{app="api", env=~"prod|test"} |= "error" or "panic" != "healthz" |~ "code=5.."`. Anything further (parsers, label
//! filters, metric queries) is refused with its name and place. Semantics after Loki's documentation of LogQL.

mod lexer;
mod literal;

use model::logs::LineFilter;
use model::{MatchOp, Matcher};
use regex::Regex;

use lexer::{Lexer, Token};
pub use literal::eval_literal;

/// A larger query is refused unread, as Loki does.
pub const MAX_QUERY_BYTES: usize = 128 << 10;

/// Streams and lines wanted.
#[derive(Debug, Clone)]
pub struct LogSelector {
    /// All must hold for the labels of the stream.
    pub matchers: Vec<Matcher>,
    /// All must accept the line.
    pub filters: Vec<LineFilter>,
}

/// Why a query was not understood, worded as Loki words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse error at line {line}, col {column}: {message}")]
pub struct LogqlError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl LogqlError {
    fn at(text: &str, offset: usize, message: impl Into<String>) -> LogqlError {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        LogqlError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
        }
    }
}

/// Reads a log query.
///
/// # Errors
/// It is not one, is one that is not supported yet, or would select streams by nothing.
pub fn parse(text: &str) -> Result<LogSelector, LogqlError> {
    let mut parser = Parser::new(text)?;
    parser.refuse_metric_query()?;
    let matchers = parser.selector()?;
    let mut filters = Vec::new();
    while !matches!(parser.token, Token::End) {
        parser.line_filter(&mut filters)?;
    }
    if !matchers.iter().any(|m| !m.matches_empty()) {
        let message = "queries require at least one regexp or equality matcher that does not have an empty-compatible \
                       value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";
        return Err(LogqlError::at(text, 0, message));
    }
    Ok(LogSelector { matchers, filters })
}

/// Reads a stream selector alone, as `match[]` of a request for series has it; an empty one is fine.
///
/// # Errors
/// It is none.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, LogqlError> {
    let mut parser = Parser::new(text)?;
    let matchers = parser.selector()?;
    match parser.token {
        Token::End => Ok(matchers),
        _ => Err(parser.unexpected("end of the selector")),
    }
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, LogqlError> {
        if text.len() > MAX_QUERY_BYTES {
            return Err(LogqlError::at(
                text,
                0,
                format!("input size too long ({} > {MAX_QUERY_BYTES})", text.len()),
            ));
        }
        let mut parser = Parser {
            text,
            lexer: Lexer::new(text),
            token: Token::End,
            offset: 0,
        };
        parser.advance()?;
        Ok(parser)
    }

    fn advance(&mut self) -> Result<Token<'a>, LogqlError> {
        let (offset, next) = self
            .lexer
            .next()
            .map_err(|(offset, message)| LogqlError::at(self.text, offset, message))?;
        self.offset = offset;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn unexpected(&self, expected: &str) -> LogqlError {
        let message = format!("syntax error: unexpected {}, expecting {expected}", self.token);
        LogqlError::at(self.text, self.offset, message)
    }

    fn unsupported(&self, offset: usize, what: &str) -> LogqlError {
        let message = format!("{what} is not supported yet: queries are stream selectors with line filters");
        LogqlError::at(self.text, offset, message)
    }

    fn refuse_metric_query(&self) -> Result<(), LogqlError> {
        match &self.token {
            Token::Identifier(name) => Err(self.unsupported(self.offset, &format!("metric query {name:?}"))),
            Token::Other(what @ ('(' | '-' | '0'..='9')) => {
                Err(self.unsupported(self.offset, &format!("metric query beginning with {what:?}")))
            }
            _ => Ok(()),
        }
    }

    fn selector(&mut self) -> Result<Vec<Matcher>, LogqlError> {
        self.expect(&Token::Open, "{")?;
        let mut matchers = Vec::new();
        if self.token != Token::Close {
            loop {
                matchers.push(self.matcher()?);
                if self.token != Token::Comma {
                    break;
                }
                self.advance()?;
            }
        }
        self.expect(&Token::Close, "} or ,")?;
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<Matcher, LogqlError> {
        let Token::Identifier(name) = self.token.clone() else {
            return Err(self.unexpected("a label name"));
        };
        self.advance()?;
        let op = match self.token {
            Token::Equal => MatchOp::Equal,
            Token::NotEqual => MatchOp::NotEqual,
            Token::RegexEqual => MatchOp::Regex,
            Token::NotRegex => MatchOp::NotRegex,
            _ => return Err(self.unexpected("=, !=, =~ or !~")),
        };
        self.advance()?;
        let (offset, value) = self.string()?;
        Matcher::new(name, op, value).map_err(|e| LogqlError::at(self.text, offset, e.to_string()))
    }

    fn line_filter(&mut self, filters: &mut Vec<LineFilter>) -> Result<(), LogqlError> {
        let start = self.offset;
        let kind = match self.advance()? {
            Token::PipeContains => FilterKind::Contains,
            Token::NotEqual => FilterKind::NotContains,
            Token::PipeMatches => FilterKind::Matches,
            Token::NotRegex => FilterKind::NotMatches,
            Token::PipePattern => return Err(self.unsupported(start, "pattern filter \"|>\"")),
            Token::NotPattern => return Err(self.unsupported(start, "pattern filter \"!>\"")),
            Token::Pipe => {
                return Err(self.unsupported(start, &format!("pipeline stage \"| {}\"", self.token)));
            }
            Token::Other('[') => return Err(self.unsupported(start, "range \"[...]\"")),
            other => {
                let message =
                    format!("syntax error: unexpected {other}, expecting |=, !=, |~, !~ or the end");
                return Err(LogqlError::at(self.text, start, message));
            }
        };
        let mut alternatives = vec![self.filter_text()?];
        while self.token == Token::Identifier("or") {
            self.advance()?;
            alternatives.push(self.filter_text()?);
        }
        kind.add(alternatives, filters)
            .map_err(|(offset, message)| LogqlError::at(self.text, offset, message))
    }

    fn filter_text(&mut self) -> Result<(usize, String), LogqlError> {
        if let Token::Identifier(name) = self.token {
            return Err(self.unsupported(self.offset, &format!("function {name:?} in a line filter")));
        }
        self.string()
    }

    fn string(&mut self) -> Result<(usize, String), LogqlError> {
        let offset = self.offset;
        match self.advance()? {
            Token::Text(text) => Ok((offset, text)),
            other => {
                let message = format!("syntax error: unexpected {other}, expecting a string");
                Err(LogqlError::at(self.text, offset, message))
            }
        }
    }

    fn expect(&mut self, token: &Token<'_>, expected: &str) -> Result<(), LogqlError> {
        if self.token != *token {
            return Err(self.unexpected(expected));
        }
        self.advance().map(drop)
    }
}

#[derive(Clone, Copy)]
enum FilterKind {
    Contains,
    NotContains,
    Matches,
    NotMatches,
}

impl FilterKind {
    /// Alternatives of a positive filter are one condition, those of a negative one are as many: not (a or b) is
    /// not a and not b. An empty text is in every line.
    fn add(self, texts: Vec<(usize, String)>, filters: &mut Vec<LineFilter>) -> Result<(), (usize, String)> {
        let every_line = texts.iter().any(|(_, text)| text.is_empty());
        match self {
            FilterKind::Contains | FilterKind::Matches if every_line => {}
            FilterKind::Contains => match <[_; 1]>::try_from(texts) {
                Ok([(_, text)]) => filters.push(LineFilter::Contains(text)),
                Err(texts) => {
                    let offset = texts.first().map_or(0, |(offset, _)| *offset);
                    let parts: Vec<String> = texts.iter().map(|(_, text)| regex::escape(text)).collect();
                    filters.push(LineFilter::Matches(compile(offset, &parts.join("|"))?));
                }
            },
            FilterKind::NotContains => {
                filters.extend(texts.into_iter().map(|(_, t)| LineFilter::NotContains(t)))
            }
            FilterKind::Matches => {
                for (offset, text) in &texts {
                    compile(*offset, text)?;
                }
                let offset = texts.first().map_or(0, |(offset, _)| *offset);
                let parts: Vec<String> = texts.iter().map(|(_, text)| format!("(?:{text})")).collect();
                filters.push(LineFilter::Matches(compile(offset, &parts.join("|"))?));
            }
            FilterKind::NotMatches => {
                for (offset, text) in texts {
                    filters.push(LineFilter::NotMatches(compile(offset, &text)?));
                }
            }
        }
        Ok(())
    }
}

/// By Go's rules, not anchored.
fn compile(offset: usize, pattern: &str) -> Result<Regex, (usize, String)> {
    model::go_regex::compile(pattern).map_err(|e| (offset, e.to_string()))
}

#[cfg(test)]
mod tests;
