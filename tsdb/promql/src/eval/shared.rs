//! Expressions that stand in a query more than once, evaluated once.
//!
//! Two nodes are the same where the same text stands for them. What was said of the first is said again of the others,
//! at their places.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::{Evaluator, Frame, Output, Steps};
use crate::QueryError;
use crate::ast::{Expr, Extension, Span};
use crate::value::ValueType;

/// The expressions that are worth remembering, and what is remembered of them.
#[derive(Debug, Default)]
pub(crate) struct Shared<'a> {
    text: &'a str,
    /// How often each text stands in the query.
    places: FxHashMap<&'a str, usize>,
    known: Mutex<Vec<Known<'a>>>,
}

#[derive(Debug)]
struct Known<'a> {
    text: &'a str,
    steps: Steps,
    span: Span,
    frame: Frame,
    /// How many times it will be asked for again, at most.
    left: usize,
    /// Bytes that are put aside for it.
    bytes: usize,
}

impl<'a> Shared<'a> {
    /// Looks for expressions that stand more than once in a query with this text; not where the same text `differs`.
    pub(crate) fn new(expr: &Expr, text: Option<&'a str>, differs: bool) -> Shared<'a> {
        let mut shared = Shared {
            text: text.unwrap_or(""),
            ..Shared::default()
        };
        if !differs && !shared.text.is_empty() && expr.selectors().len() > 1 {
            shared.count(expr);
            shared.places.retain(|_, count| *count > 1);
        }
        shared
    }

    fn count(&mut self, expr: &Expr) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            if let Some(text) = self.text_of(expr) {
                let places = self.places.entry(text).or_default();
                *places += 1;
                if *places > 1 {
                    // Its parts are evaluated with the first one, and need not be kept for this one.
                    continue;
                }
            }
            open.extend(expr.children());
        }
    }

    /// The text of the query at a place, where it is known.
    pub(super) fn written(&self, span: Span) -> Option<&'a str> {
        let text = self.text.get(span.start as usize..span.end as usize)?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// The text of an expression that costs something and has a vector.
    fn text_of(&self, expr: &Expr) -> Option<&'a str> {
        match expr {
            // The text of an extended selector ends before the word that extends it.
            Expr::Selector(s) if s.extension != Extension::None => return None,
            Expr::Selector(_) | Expr::Aggregate(_) => {}
            Expr::Call(call) if call.function.returns == ValueType::Vector => {}
            _ => return None,
        }
        self.written(expr.span())
    }

    /// Whether the expression stands elsewhere too.
    pub(super) fn has(&self, expr: &Expr) -> bool {
        !self.places.is_empty()
            && self
                .text_of(expr)
                .is_some_and(|text| self.places.contains_key(text))
    }
}

impl Evaluator<'_> {
    /// The value of an expression that stands in the query more than once, and whether it was evaluated before.
    pub(super) fn shared_frame(
        &self,
        expr: &Expr,
        steps: Steps,
    ) -> Result<Option<(Frame, bool)>, QueryError> {
        let shared = &self.shared;
        if shared.places.is_empty() {
            return Ok(None);
        }
        let Some(text) = shared.text_of(expr) else {
            return Ok(None);
        };
        let Some(places) = shared.places.get(text) else {
            return Ok(None);
        };
        if let Some((frame, span, bytes)) = shared.take(text, steps) {
            self.budget.take_back(bytes);
            self.annotations.repeat(span, expr.span());
            return Ok(Some((frame, true)));
        }
        let output = self.fresh(expr, steps)?;
        let bytes = output.bytes();
        let Output::Vector(frame) = output else {
            return Ok(None);
        };
        self.budget.put_aside(bytes)?;
        let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push(Known {
            text,
            steps,
            span: expr.span(),
            frame: frame.clone(),
            left: places.saturating_sub(1),
            bytes,
        });
        Ok(Some((frame, false)))
    }
}

impl Shared<'_> {
    fn take(&self, text: &str, steps: Steps) -> Option<(Frame, Span, usize)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|k| k.text == text && k.steps == steps)?;
        let found = known.get_mut(at)?;
        found.left = found.left.saturating_sub(1);
        if found.left > 0 {
            return Some((found.frame.clone(), found.span, 0));
        }
        let Known {
            frame, span, bytes, ..
        } = known.swap_remove(at);
        Some((frame, span, bytes))
    }
}
