//! Function calls: from the table's entry to the code that evaluates it.

use std::sync::OnceLock;

use super::stream::{OverStage, Stream};
use super::{Column, Evaluator, Frame, Output, Series, Steps, Windows, is_absent};
use crate::ast::analysis::Defaults;
use crate::ast::{Call, Extension, Span};
use crate::functions::{Extensions, Kind, Over, OverCall, QueryTime};
use crate::{Expr, QueryError};

/// Metrics that end so are counters.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// A function looks at most at so many samples in the windows of a series before cancellation is looked for.
const MAX_AT_A_TIME: usize = 4 << 20;

impl Evaluator<'_> {
    /// The value of a call.
    pub(super) fn call(&self, call: &Call, steps: Steps) -> Result<Output, QueryError> {
        match &call.function.kind {
            Kind::Pi => Ok(Output::Scalar(vec![std::f64::consts::PI; steps.count])),
            Kind::Query(what) => Ok(Output::Scalar(vec![self.query_time(*what); steps.count])),
            Kind::Time => Ok(Output::Scalar(steps.iter().map(|t| t as f64 / 1000.0).collect())),
            Kind::Scalar => self.vector_to_scalar(arg(call, 0)?, steps).map(Output::Scalar),
            Kind::MinOf | Kind::MaxOf => self.extreme_of(call, steps).map(Output::Scalar),
            _ => self.vector_call(call, steps).map(Output::Vector),
        }
    }

    /// The value of a call that is a vector. One short call an arm, and no more arms than needed: the frame of this
    /// function is on the stack once for every level that calls nest.
    fn vector_call(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        match &call.function.kind {
            Kind::Date(_)
            | Kind::Clamp
            | Kind::ClampMin
            | Kind::ClampMax
            | Kind::Round
            | Kind::StartTimestamp
            | Kind::Timestamp
            | Kind::Vector => self.number_call(call, steps),
            _ => self.frame_call(call, steps),
        }
    }

    /// A function of vectors and numbers, or of times.
    fn number_call(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        match &call.function.kind {
            Kind::Date(f) => self.date(*f, call.args.first(), steps),
            Kind::Round => self.round(call, steps),
            Kind::StartTimestamp => self.start_timestamp(call, steps),
            Kind::Timestamp => self.timestamp(call, steps),
            Kind::Vector => self.scalar_to_vector(call, steps),
            _ => self.clamp(call, steps),
        }
    }

    /// A function of all series together, or of labels.
    fn frame_call(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        match &call.function.kind {
            Kind::Absent => self.absent(call, steps),
            Kind::AbsentOverTime => self.absent_over_time(call, steps),
            Kind::HistogramQuantile => self.histogram_quantile(call, steps),
            Kind::HistogramQuantiles => self.histogram_quantiles(call, steps),
            Kind::HistogramFraction => self.histogram_fraction(call, steps),
            Kind::Info => self.info(call, steps),
            Kind::LabelReplace => self.label_replace(call, steps),
            Kind::LabelJoin => self.label_join(call, steps),
            Kind::Sort { descending } => self.sort(call, *descending, steps),
            Kind::SortByLabel { descending } => self.sort_by_label(call, *descending, steps),
            _ => Err(QueryError::execution(
                "a scalar function stands where a vector is expected",
            )),
        }
    }

    fn scalar_to_vector(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        Ok(vec![Series::unlabelled(self.scalar(arg(call, 0)?, steps)?)])
    }

    fn query_time(&self, what: QueryTime) -> f64 {
        let Defaults {
            query_start_ms,
            query_end_ms,
            query_step_ms,
            ..
        } = self.defaults;
        let ms = match what {
            QueryTime::Start => query_start_ms,
            QueryTime::End => query_end_ms,
            QueryTime::Range => query_end_ms.saturating_sub(query_start_ms),
            QueryTime::Step => query_step_ms,
        };
        ms as f64 / 1000.0
    }

    /// A function of windows as the source of a chain.
    pub(super) fn over_stream<'e>(
        &'e self,
        over: &'e Over,
        call: &'e Call,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let range = arg(call, over.range_arg)?;
        check_extension(over.extensions, range, call.function.name)?;
        let mut params: Vec<Vec<f64>> = Vec::new();
        for (i, argument) in call.args.iter().enumerate() {
            if i != over.range_arg {
                params.push(self.scalar(argument, steps)?);
            }
        }
        let arg_spans: Vec<Span> = call.args.iter().map(told_span).collect();
        let apply = Box::new(
            move |windows: &Windows<'_>, metric_name: &str, column: &mut Column| {
                let of_series = OverCall {
                    params: &params,
                    first_step: 0,
                    notes: &self.annotations,
                    span: call.span,
                    arg_spans: &arg_spans,
                    metric_name,
                    start_timestamps: self.start_timestamps,
                    lookback_ms: self.defaults.lookback_ms,
                };
                if windows.samples() <= MAX_AT_A_TIME {
                    (over.apply)(windows, &of_series, column)?;
                } else {
                    self.piece_by_piece(over, windows, of_series, column)?;
                }
                if over.counter && !is_counter(metric_name) && column.floats.iter().any(|v| !is_absent(*v)) {
                    self.hint_counter(arg_spans.first().copied().unwrap_or(call.span), metric_name);
                }
                Ok(())
            },
        );
        let stage = OverStage {
            apply,
            drops_name: !over.keeps_name,
        };
        self.range_stream(range, over.wanted, stage, steps)
    }

    fn hint_counter(&self, span: Span, name: &str) {
        self.annotations.info(
            span,
            format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ),
        );
    }

    /// Applies a function to some windows of a series after others, each time so many that it does not take long.
    fn piece_by_piece(
        &self,
        over: &Over,
        windows: &Windows<'_>,
        call: OverCall<'_>,
        column: &mut Column,
    ) -> Result<(), QueryError> {
        let mut first_step = 0;
        for bounds in windows.pieces(MAX_AT_A_TIME) {
            self.budget.check()?;
            let piece = Windows {
                bounds,
                timings: &OnceLock::new(),
                ..*windows
            };
            let mut cells = Column::absent(bounds.len());
            (over.apply)(&piece, &OverCall { first_step, ..call }, &mut cells)?;
            for i in 0..bounds.len() {
                column.set(first_step + i, cells.cell(i));
            }
            first_step += bounds.len();
        }
        Ok(())
    }
}

/// Whether the name is that of a counter, or says nothing.
fn is_counter(name: &str) -> bool {
    name.is_empty() || COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Refuses windows with extended ends where the function cannot take them.
pub(super) fn check_extension(takes: Extensions, range: &Expr, name: &str) -> Result<(), QueryError> {
    let extension = match range.unwrap_parens() {
        Expr::Range(r) => r.selector.extension,
        _ => Extension::None,
    };
    let (word, functions) = match (extension, takes) {
        (Extension::Anchored, Extensions::None) => ("anchored", "changes, delta, increase, rate, resets"),
        (Extension::Smoothed, Extensions::None | Extensions::Anchored) => {
            ("smoothed", "delta, increase, rate")
        }
        _ => return Ok(()),
    };
    Err(QueryError::execution(format!(
        "{word} modifier can only be used with: {functions} - not with {name}"
    )))
}

/// Where an annotation says that an argument stands: parentheses do not count, and Prometheus takes a subquery for one
/// at the beginning of the query.
pub(super) fn told_span(argument: &Expr) -> Span {
    match argument.unwrap_parens() {
        Expr::Subquery(_) => Span { start: 0, end: 1 },
        other => other.span(),
    }
}

/// The `i`th argument.
pub(super) fn arg(call: &Call, i: usize) -> Result<&Expr, QueryError> {
    let missing =
        || QueryError::execution(format!("argument {} of {} is missing", i + 1, call.function.name));
    call.args.get(i).ok_or_else(missing)
}
