//! What stands behind an expression: `offset`, `@`, `anchored`, `smoothed`, ranges and subqueries.

use super::{MAX_DEPTH, Parsed, Parser, Stop};
use crate::Expr;
use crate::ast::{AtModifier, DurationNode, Extension, RangeSelector, Span, Subquery};
use crate::lexer::{Keyword, Kind};

/// A duration as the tree has it: in milliseconds where it is written out, else how to compute it.
pub(super) type Duration = (i64, Option<Box<DurationNode>>);

impl Parser<'_> {
    /// `expr` with all that stands behind it.
    pub(super) fn modifiers(&mut self, mut expr: Expr) -> Parsed {
        loop {
            match self.kind() {
                Kind::Keyword(Keyword::Offset) => self.offset(&mut expr)?,
                Kind::At => self.at(&mut expr)?,
                Kind::Keyword(Keyword::Anchored) => self.extension(&mut expr, Extension::Anchored)?,
                Kind::Keyword(Keyword::Smoothed) => self.extension(&mut expr, Extension::Smoothed)?,
                Kind::LeftBracket => expr = self.brackets(expr)?,
                _ => return Ok(expr),
            }
        }
    }

    fn offset(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.at += 1;
        let (duration, end) = self
            .offset_duration()
            .map_err(|stop| self.unexpected(stop, "offset", "number, duration, step(), or range()"))?;
        let span = expr.span();
        let Some(times) = Times::of(expr) else {
            return Err(self.error(
                span,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ));
        };
        if *times.offset_ms != 0 || times.offset_expr.is_some() {
            return Err(self.error(span, "offset may not be set multiple times"));
        }
        (*times.offset_ms, *times.offset_expr) = duration;
        times.span.end = end;
        Ok(())
    }

    fn at(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.at += 1;
        let time = self
            .time()
            .map_err(|stop| self.unexpected(stop, "@", "timestamp"))?;
        let end = self.end_of_last();
        let span = expr.span();
        let at = match time {
            Time::End(at) => at,
            Time::Seconds(s) if s.is_finite() && s.abs() < i64::MAX as f64 => {
                AtModifier::At((s * 1000.0).round() as i64)
            }
            Time::Seconds(s) => {
                let s = printf_f(s);
                return Err(self.error(span, format!("timestamp out of bounds for @ modifier: {s}")));
            }
        };
        let Some(times) = Times::of(expr) else {
            return Err(self.error(
                span,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ));
        };
        if times.at.is_some() {
            return Err(self.error(span, "@ <timestamp> may not be set multiple times"));
        }
        *times.at = Some(at);
        times.span.end = end;
        Ok(())
    }

    fn time(&mut self) -> Parsed<Time> {
        let end = match self.kind() {
            Kind::Keyword(Keyword::Start) => AtModifier::Start,
            Kind::Keyword(Keyword::End) => AtModifier::End,
            _ => {
                let negative = self.sign().unwrap_or(false);
                let seconds = self.number()?.value;
                return Ok(Time::Seconds(if negative { -seconds } else { seconds }));
            }
        };
        self.at += 1;
        self.expect(Kind::LeftParen)?;
        self.expect(Kind::RightParen)?;
        Ok(Time::End(end))
    }

    fn extension(&mut self, expr: &mut Expr, extension: Extension) -> Parsed<()> {
        let word = match extension {
            Extension::Smoothed => "smoothed",
            _ => "anchored",
        };
        self.at += 1;
        let span = expr.span();
        if !self.options.extended_range_selectors {
            return Err(self.error(span, format!("{word} modifier is experimental and not enabled")));
        }
        let set = match expr {
            Expr::Selector(s) => &mut s.extension,
            Expr::Range(r) => &mut r.selector.extension,
            Expr::Subquery(_) => {
                return Err(self.error(span, format!("{word} modifier is not supported for subqueries")));
            }
            _ => return Err(self.error(span, format!("{word} modifier not implemented"))),
        };
        if *set != Extension::None && *set != extension {
            return Err(self.error(span, "anchored and smoothed modifiers cannot be used together"));
        }
        *set = extension;
        Ok(())
    }

    /// `[5m]`, `[1h:]`, `[1h:5m]` behind `expr`.
    fn brackets(&mut self, expr: Expr) -> Parsed {
        let open = self.expect(Kind::LeftBracket)?;
        let range = self.positive_duration().map_err(|stop| {
            self.unexpected(
                stop,
                "subquery or range selector",
                "number, duration, step(), or range()",
            )
        })?;
        match self.kind() {
            Kind::RightBracket => self.range(expr, range, open),
            Kind::Colon => self.subquery(expr, range),
            _ => Err(self.unexpected(Stop::Unexpected, "subquery or range", "\":\" or \"]\"")),
        }
    }

    fn range(&mut self, expr: Expr, (range_ms, range_expr): Duration, open: Span) -> Parsed {
        let close = self.expect(Kind::RightBracket)?;
        let span = expr.span().to(close);
        let problem = match expr {
            Expr::Selector(s) if s.offset_ms != 0 || s.offset_expr.is_some() => {
                "no offset modifiers allowed before range"
            }
            Expr::Selector(s) if s.at.is_some() => "no @ modifiers allowed before range",
            Expr::Selector(selector) => {
                return Ok(Expr::Range(RangeSelector {
                    selector,
                    range_ms,
                    range_expr,
                    span,
                }));
            }
            _ => "ranges only allowed for vector selectors",
        };
        Err(self.error(open.to(close), problem))
    }

    fn subquery(&mut self, expr: Expr, (range_ms, range_expr): Duration) -> Parsed {
        self.expect(Kind::Colon)?;
        let (step_ms, step_expr) = if self.kind() == Kind::RightBracket {
            (None, None)
        } else {
            let (ms, expr) = self.positive_duration().map_err(|stop| {
                self.unexpected(
                    stop,
                    "subquery selector",
                    "number, duration, step(), range(), or \"]\"",
                )
            })?;
            (Some(ms), expr)
        };
        let close = self
            .expect(Kind::RightBracket)
            .map_err(|stop| self.unexpected(stop, "subquery selector", "\"]\""))?;
        self.subqueries += 1;
        if self.subqueries > MAX_DEPTH {
            return Err(self.error(close, format!("more than {MAX_DEPTH} subqueries")));
        }
        let span = expr.span().to(close);
        Ok(Expr::Subquery(Box::new(Subquery {
            expr,
            range_ms,
            range_expr,
            step_ms,
            step_expr,
            offset_ms: 0,
            offset_expr: None,
            at: None,
            span,
        })))
    }
}

/// What an `@` says.
enum Time {
    /// One of the query's ends.
    End(AtModifier),
    /// Seconds since the epoch.
    Seconds(f64),
}

/// The parts of a selector or a subquery that `offset` and `@` set.
struct Times<'a> {
    offset_ms: &'a mut i64,
    offset_expr: &'a mut Option<Box<DurationNode>>,
    at: &'a mut Option<AtModifier>,
    span: &'a mut Span,
}

impl Times<'_> {
    fn of(expr: &mut Expr) -> Option<Times<'_>> {
        let (selector, span) = match expr {
            Expr::Selector(s) => {
                return Some(Times {
                    offset_ms: &mut s.offset_ms,
                    offset_expr: &mut s.offset_expr,
                    at: &mut s.at,
                    span: &mut s.span,
                });
            }
            Expr::Range(r) => (&mut r.selector, &mut r.span),
            Expr::Subquery(s) => {
                return Some(Times {
                    offset_ms: &mut s.offset_ms,
                    offset_expr: &mut s.offset_expr,
                    at: &mut s.at,
                    span: &mut s.span,
                });
            }
            _ => return None,
        };
        Some(Times {
            offset_ms: &mut selector.offset_ms,
            offset_expr: &mut selector.offset_expr,
            at: &mut selector.at,
            span,
        })
    }
}

/// A float as Go's `%f` writes it.
fn printf_f(x: f64) -> String {
    if x.is_finite() {
        format!("{x:.6}")
    } else {
        crate::numeric::format_float(x)
    }
}
