//! From the text of a query to its tree, in linear time.
//!
//! [`crate::lexer`] cuts the text up, a descent with operator precedence makes the tree of the pieces, and
//! [`check`](mod@check) sees that its types fit. Language, messages and positions are those of Prometheus 3.14
//! (`promql/parser`), whose parser is a generated one that resumes after errors; as it shows only the first, this one
//! stops there. An unexpected piece is told to whatever construct around it has something to say about that
//! ([`Stop::Unexpected`]), the innermost first.
//!
//! Operators that lean to the left are a loop, so a chain of thousands costs no stack; what nests is bounded by
//! [`MAX_DEPTH`].

mod aggregate;
mod binary;
mod call;
mod check;
mod duration;
mod literals;
mod modifiers;
mod selector;

use crate::ast::{BinaryOp, Number, Paren, Span, Text, Unary};
use crate::lexer::{self, Keyword, Kind, LexError, Token};
use crate::{Expr, QueryError};

/// A longer query is refused.
pub const MAX_QUERY_BYTES: usize = 1 << 20;

/// A query of more names, numbers, texts and signs is refused. What is in quotes counts as one.
pub const MAX_TOKENS: usize = 100_000;

/// A query that nests deeper is refused, since evaluation recurses: parentheses, arguments, right operands and
/// signs count, operators one after the other do not. Nor may there be more subqueries.
pub const MAX_DEPTH: usize = 250;

/// What of the language is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserOptions {
    /// Functions and aggregations that upstream calls experimental.
    pub experimental_functions: bool,
    /// Durations that are computed: `[5m + step()]`.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`.
    pub fill_modifiers: bool,
}

impl ParserOptions {
    /// Everything there is.
    pub const fn all() -> ParserOptions {
        ParserOptions {
            experimental_functions: true,
            duration_expressions: true,
            extended_range_selectors: true,
            fill_modifiers: true,
        }
    }
}

impl Default for ParserOptions {
    /// What Prometheus 3.14 allows without feature flags.
    fn default() -> ParserOptions {
        ParserOptions {
            experimental_functions: false,
            duration_expressions: true,
            extended_range_selectors: false,
            fill_modifiers: false,
        }
    }
}

/// Parses a query as Prometheus does without feature flags.
///
/// # Errors
/// [`QueryError::Parse`]: it is not PromQL, its types do not fit, it is too long or nests too deeply. The text is
/// Prometheus': `1:5: parse error: …`, the first error only.
pub fn parse(query: &str) -> Result<Expr, QueryError> {
    parse_with(query, &ParserOptions::default())
}

/// Parses a query.
///
/// # Errors
/// As for [`parse`].
pub fn parse_with(query: &str, options: &ParserOptions) -> Result<Expr, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        let message = format!("query exceeds the limit of {MAX_QUERY_BYTES} bytes");
        return Err(Fault::new(Span::default(), message).to_error(query));
    }
    let (tokens, lex_error) = lexer::tokenize(query);
    let mut parser = Parser {
        text: query,
        tokens,
        at: 0,
        lex_error,
        options: *options,
        depth: 0,
        subqueries: 0,
    };
    let parsed = parser.query();
    parsed
        .map_err(|stop| parser.fault_of(stop, "", ""))
        .and_then(|expr| check::check(expr, query))
        .map_err(|fault| fault.to_error(query))
}

/// What is wrong with a query, and where.
#[derive(Debug)]
struct Fault {
    span: Span,
    message: String,
}

impl Fault {
    fn new(span: Span, message: impl Into<String>) -> Box<Fault> {
        Box::new(Fault {
            span,
            message: message.into(),
        })
    }

    fn to_error(&self, query: &str) -> QueryError {
        let position = match self.span.line_col(query) {
            _ if query.is_empty() => "unknown position".to_owned(),
            (line, column) => format!("{line}:{column}"),
        };
        QueryError::Parse {
            message: format!("{position}: parse error: {}", self.message),
            pos: Some(self.span.start as usize),
        }
    }
}

/// Why parsing does not go on.
#[derive(Debug)]
enum Stop {
    /// The current piece does not fit; the constructs around it word the error.
    Unexpected,
    /// An error in its final words.
    Fault(Box<Fault>),
}

type Parsed<T = Expr> = Result<T, Stop>;

/// How tightly operators bind.
const ANY: u8 = 0;
const POWER: u8 = 6;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// The current piece.
    at: usize,
    lex_error: Option<LexError>,
    options: ParserOptions,
    depth: usize,
    /// How many there are in all: they can be written one behind the other.
    subqueries: usize,
}

impl<'a> Parser<'a> {
    fn query(&mut self) -> Parsed {
        if self.tokens.len() > MAX_TOKENS {
            return Err(self.error(Span::default(), format!("query has more than {MAX_TOKENS} parts")));
        }
        if self.kind() == Kind::End {
            return Err(self.error(Span::default(), "no expression found in input"));
        }
        let expr = self.expr(ANY)?;
        match self.kind() {
            Kind::End => Ok(expr),
            _ => Err(Stop::Unexpected),
        }
    }

    /// An expression whose operators bind at least as tightly as `least`.
    fn expr(&mut self, least: u8) -> Parsed {
        self.enter()?;
        let mut expr = self.operand()?;
        expr = self.modifiers(expr)?;
        while let Some((op, binds)) = self.operator()
            && binds >= least
        {
            expr = self.binary(expr, op, binds)?;
        }
        self.depth -= 1;
        Ok(expr)
    }

    /// What stands before, between and after operators.
    fn operand(&mut self) -> Parsed {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Duration => self.number().map(Expr::Number),
            Kind::String => {
                self.at += 1;
                let value = self.unquoted(token.span);
                Ok(Expr::String(Text {
                    value,
                    span: token.span,
                }))
            }
            Kind::LeftParen => self.paren(),
            Kind::Operator(BinaryOp::Add | BinaryOp::Sub) => self.unary(),
            Kind::Aggregate(op) if self.aggregation_follows() => self.aggregate(op),
            Kind::Identifier if self.kind_after() == Kind::LeftParen => self.call(),
            Kind::Keyword(word) if word.is_function() && self.kind_after() == Kind::LeftParen => self.call(),
            Kind::LeftBrace => self.selector(None),
            kind if is_metric_name(kind) => {
                self.at += 1;
                self.selector(Some(token.span))
            }
            _ => Err(Stop::Unexpected),
        }
    }

    fn paren(&mut self) -> Parsed {
        let open = self.expect(Kind::LeftParen)?;
        let expr = self.expr(ANY)?;
        let close = self.expect(Kind::RightParen)?;
        Ok(Expr::Paren(Box::new(Paren {
            expr,
            span: open.to(close),
        })))
    }

    fn unary(&mut self) -> Parsed {
        let sign = self.token();
        self.at += 1;
        let negative = sign.kind == Kind::Operator(BinaryOp::Sub);
        let expr = self.expr(POWER)?;
        let span = sign.span.to(expr.span());
        Ok(match expr {
            Expr::Number(number) => Expr::Number(Number {
                value: if negative { -number.value } else { number.value },
                span,
                ..number
            }),
            expr => Expr::Unary(Box::new(Unary { negative, expr, span })),
        })
    }

    /// Goes one level down.
    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("expression nests deeper than {MAX_DEPTH}");
            return Err(self.error(self.token().span, message));
        }
        Ok(())
    }

    fn token(&self) -> Token {
        let end = self.text.len() as u32;
        self.tokens.get(self.at).copied().unwrap_or(Token {
            kind: Kind::End,
            span: Span { start: end, end },
        })
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    /// The piece after the current one.
    fn kind_after(&self) -> Kind {
        self.tokens.get(self.at + 1).map_or(Kind::End, |t| t.kind)
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, kind: Kind) -> Parsed<Span> {
        let token = self.token();
        if token.kind != kind {
            return Err(Stop::Unexpected);
        }
        self.at += 1;
        Ok(token.span)
    }

    fn text_of(&self, span: Span) -> &'a str {
        let text: &'a str = self.text;
        text.get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    fn unquoted(&self, span: Span) -> String {
        lexer::text::unquote(self.text_of(span))
    }

    /// Where the last piece ended.
    fn end_of_last(&self) -> u32 {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |t| t.span.end)
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Stop {
        Stop::Fault(Fault::new(span, message))
    }

    /// Upstream often reads the next piece before it judges what came before. If that is none, it is the first error.
    fn next_is_lexed(&self) -> Parsed<()> {
        match self.kind() {
            Kind::Error => Err(Stop::Unexpected),
            _ => Ok(()),
        }
    }

    /// Words an unexpected piece: where, and what should stand there.
    fn unexpected(&self, stop: Stop, context: &str, expected: &str) -> Stop {
        Stop::Fault(self.fault_of(stop, context, expected))
    }

    fn fault_of(&self, stop: Stop, context: &str, expected: &str) -> Box<Fault> {
        if let Stop::Fault(fault) = stop {
            return fault;
        }
        let Token { kind, span } = self.token();
        if kind == Kind::Error {
            let message = self.lex_error.as_ref().map_or("", |e| &e.message);
            return Fault::new(span, message);
        }
        let mut message = format!("unexpected {}", lexer::describe(kind, self.text_of(span)));
        if !context.is_empty() {
            message = format!("{message} in {context}");
        }
        if !expected.is_empty() {
            message = format!("{message}, expected {expected}");
        }
        Fault::new(span, message)
    }

    /// Whether the current piece can begin an expression.
    fn at_operand(&self) -> bool {
        match self.kind() {
            Kind::Number | Kind::Duration | Kind::String | Kind::LeftParen | Kind::LeftBrace => true,
            Kind::Operator(BinaryOp::Add | BinaryOp::Sub) => true,
            kind => is_metric_name(kind),
        }
    }
}

/// Whether a piece can be a metric's name without quotes.
fn is_metric_name(kind: Kind) -> bool {
    use Keyword::{Bool, GroupLeft, GroupRight, Ignoring, On};
    match kind {
        Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregate(_) => true,
        Kind::Operator(op) => op.is_set(),
        Kind::Keyword(word) => !matches!(word, Bool | GroupLeft | GroupRight | Ignoring | On),
        _ => false,
    }
}
