//! Selectors of series: `up{job="x"}`, `{"http.requests", job=~"x|y"}`.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use super::{Parsed, Parser, Stop};
use crate::Expr;
use crate::ast::{BinaryOp, Extension, Span, VectorSelector};
use crate::lexer::Kind;

impl Parser<'_> {
    /// A selector whose name, if it stands before the braces, has been read. The condition on the name comes last
    /// then.
    pub(super) fn selector(&mut self, name: Option<Span>) -> Parsed {
        let mut matchers = Vec::new();
        let mut span = name.unwrap_or(self.token().span);
        if self.kind() == Kind::LeftBrace {
            span.end = self.matchers(&mut matchers)?.end;
        }
        let name = name.map(|span| self.text_of(span).to_owned());
        matchers.extend(name.as_deref().map(|name| Matcher::equal(METRIC_NAME, name)));
        Ok(Expr::Selector(VectorSelector {
            name,
            matchers,
            offset_ms: 0,
            offset_expr: None,
            at: None,
            extension: Extension::None,
            span,
        }))
    }

    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Parsed<Span> {
        self.expect(Kind::LeftBrace)?;
        if self.kind() == Kind::RightBrace {
            return self.expect(Kind::RightBrace);
        }
        loop {
            matchers.push(self.matcher()?);
            let comma = self.eat(Kind::Comma);
            if self.kind() == Kind::RightBrace {
                return self.expect(Kind::RightBrace);
            }
            if !comma {
                return Err(self.unexpected(Stop::Unexpected, IN_MATCHING, "\",\" or \"}\""));
            }
        }
    }

    fn matcher(&mut self) -> Parsed<Matcher> {
        let label = self.token();
        let name = match label.kind {
            Kind::Identifier => self.text_of(label.span).to_owned(),
            Kind::String => self.unquoted(label.span),
            _ => return Err(self.unexpected(Stop::Unexpected, IN_MATCHING, "identifier or \"}\"")),
        };
        self.at += 1;
        let op = match self.kind() {
            Kind::Equal => MatchOp::Equal,
            Kind::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            Kind::Matches => MatchOp::Regex,
            Kind::MatchesNot => MatchOp::NotRegex,
            _ if label.kind == Kind::String => {
                self.next_is_lexed()?;
                return Ok(Matcher::equal(METRIC_NAME, name));
            }
            _ => return Err(self.unexpected(Stop::Unexpected, IN_MATCHING, "label matching operator")),
        };
        self.at += 1;
        let value = self
            .expect(Kind::String)
            .map_err(|stop| self.unexpected(stop, IN_MATCHING, "string"))?;
        Matcher::new(name, op, self.unquoted(value)).map_err(|e| {
            // Where the part at fault is named already, the whole expression is not.
            let message = if e.detail.ends_with('`') {
                format!("error parsing regexp: {}", e.detail)
            } else {
                e.to_string()
            };
            self.error(label.span.to(value), message)
        })
    }
}

const IN_MATCHING: &str = "label matching";
