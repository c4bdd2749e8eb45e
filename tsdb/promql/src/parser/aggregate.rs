//! Aggregations: `sum by (job) (x)`, `topk(5, x)`, with the labels before or after.

use super::{Parsed, Parser, Stop};
use crate::Expr;
use crate::ast::{Aggregate, AggregateOp, Grouping};
use crate::lexer::{Keyword, Kind};
use crate::quote::Quoted;

impl Parser<'_> {
    /// Whether the name of an aggregation is one, and not a metric's.
    pub(super) fn aggregation_follows(&self) -> bool {
        matches!(
            self.kind_after(),
            Kind::LeftParen | Kind::Keyword(Keyword::By | Keyword::Without)
        )
    }

    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Parsed {
        let mut span = self.token().span;
        self.at += 1;
        let (grouping, args) = self
            .grouped_arguments()
            .map_err(|stop| self.unexpected(stop, "aggregation", ""))?;
        span.end = self.end_of_last();
        let (param, expr) = self.operands(op, args).map_err(|m| self.error(span, m))?;
        Ok(Expr::Aggregate(Box::new(Aggregate {
            op,
            expr,
            param,
            grouping,
            span,
        })))
    }

    fn grouped_arguments(&mut self) -> Parsed<(Grouping, Vec<Expr>)> {
        if let Some(grouping) = self.grouping()? {
            return Ok((grouping, self.arguments()?));
        }
        let args = self.arguments()?;
        self.next_is_lexed()?;
        let grouping = self.grouping()?;
        Ok((grouping.unwrap_or(Grouping::By(Vec::new())), args))
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        if self.eat(Kind::Keyword(Keyword::By)) {
            return self.labels().map(|labels| Some(Grouping::By(labels)));
        }
        if self.eat(Kind::Keyword(Keyword::Without)) {
            return self.labels().map(|labels| Some(Grouping::Without(labels)));
        }
        Ok(None)
    }

    fn operands(&self, op: AggregateOp, args: Vec<Expr>) -> Result<(Option<Expr>, Expr), String> {
        let experimental = matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio);
        let takes = 1 + usize::from(op.param_type().is_some());
        let got = args.len();
        let mut args = args.into_iter();
        match (args.next(), args.next(), args.next()) {
            (None, ..) => Err("no arguments for aggregate expression provided".to_owned()),
            _ if experimental && !self.options.experimental_functions => Err(format!(
                "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                op.as_str()
            )),
            (Some(param), Some(expr), None) if takes == 2 => Ok((Some(param), expr)),
            (Some(expr), None, None) if takes == 1 => Ok((None, expr)),
            _ => Err(format!(
                "wrong number of arguments for aggregate expression provided, expected {takes}, got {got}"
            )),
        }
    }

    /// Names of labels in parentheses.
    pub(super) fn labels(&mut self) -> Parsed<Vec<String>> {
        self.expect(Kind::LeftParen)
            .map_err(|stop| self.unexpected(stop, IN_GROUPING, "\"(\""))?;
        let mut labels = Vec::new();
        if self.eat(Kind::RightParen) {
            return Ok(labels);
        }
        loop {
            labels.push(self.label()?);
            let comma = self.eat(Kind::Comma);
            if self.eat(Kind::RightParen) {
                return Ok(labels);
            }
            if !comma {
                return Err(self.unexpected(Stop::Unexpected, IN_GROUPING, "\",\" or \")\""));
            }
        }
    }

    fn label(&mut self) -> Parsed<String> {
        let token = self.token();
        let name = match token.kind {
            Kind::String => self.unquoted(token.span),
            kind if is_label_name(kind) => self.text_of(token.span).to_owned(),
            _ => return Err(self.unexpected(Stop::Unexpected, IN_GROUPING, "label")),
        };
        self.at += 1;
        if name.is_empty() {
            let message = format!("invalid label name for grouping: {}", Quoted(&name));
            return Err(self.error(token.span, message));
        }
        Ok(name)
    }
}

const IN_GROUPING: &str = "grouping opts";

/// Whether a piece can be a label's name without quotes.
fn is_label_name(kind: Kind) -> bool {
    match kind {
        Kind::Identifier | Kind::MetricIdentifier | Kind::Aggregate(_) => true,
        Kind::Operator(op) => op.is_set() || op == crate::ast::BinaryOp::Atan2,
        // An oversight of upstream's.
        Kind::Keyword(word) => word != Keyword::Without,
        _ => false,
    }
}
