//! Function calls: from the table's entry to the code that evaluates it.

use super::frame::map_values;
use super::{Column, Evaluator, Frame, Output, Series, Steps, Window, Windows};
use crate::ast::analysis::Defaults;
use crate::ast::{Call, Span};
use crate::functions::{Apply, Kind, Over, OverCall, ParamCheck, QueryTime};
use crate::{Expr, QueryError};

/// More scalar arguments no function over ranges has.
const MAX_PARAMS: usize = 2;

/// Metrics that end so are counters.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

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

    /// The value of a call that is a vector. One short call an arm: the frame of this function is on the stack once for
    /// every level that calls nest.
    fn vector_call(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        match &call.function.kind {
            Kind::Math(f) => self.math(*f, call, steps),
            Kind::Date(f) => self.date(*f, call.args.first(), steps),
            Kind::Over(over) => self.over_ranges(over, call, steps),
            Kind::Absent => self.absent(call, steps),
            Kind::AbsentOverTime => self.absent_over_time(call, steps),
            Kind::Clamp | Kind::ClampMin | Kind::ClampMax => self.clamp(call, steps),
            Kind::Round => self.round(call, steps),
            Kind::HistogramQuantile => self.histogram_quantile(call, steps),
            Kind::HistogramQuantiles => self.histogram_quantiles(call, steps),
            Kind::HistogramFraction => self.histogram_fraction(call, steps),
            Kind::NativeHistogram => self.native_histogram(call, steps),
            Kind::Info => self.info(call, steps),
            Kind::LabelReplace => self.label_replace(call, steps),
            Kind::LabelJoin => self.label_join(call, steps),
            Kind::Sort { descending } => self.sort(call, *descending, steps),
            Kind::SortByLabel { descending } => self.sort_by_label(call, *descending, steps),
            Kind::Timestamp => self.timestamp(call, steps),
            Kind::Vector => self.scalar_to_vector(call, steps),
            _ => Err(QueryError::execution(
                "a scalar function stands where a vector is expected",
            )),
        }
    }

    fn math(&self, f: fn(f64) -> f64, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        Ok(map_values(self.vector(arg(call, 0)?, steps)?, f))
    }

    fn native_histogram(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        self.vector(arg(call, 0)?, steps)?;
        Ok(Frame::new())
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

    /// A function of windows, over every series of its range argument.
    fn over_ranges(&self, over: &Over, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let mut params: Vec<Vec<f64>> = Vec::new();
        for (i, argument) in call.args.iter().enumerate() {
            if i != over.range_arg {
                params.push(self.scalar(argument, steps)?);
            }
        }
        let over_call = OverCall {
            params: &params,
            notes: &self.annotations,
            span: call.span,
            arg_spans: &call.args.iter().map(Expr::span).collect::<Vec<_>>(),
            metric_name: "",
            start_timestamps: self.start_timestamps,
        };
        let mut frame = Frame::new();
        self.for_each_range(arg(call, over.range_arg)?, steps, over.wanted, |input| {
            let mut column = Column::absent(steps.count);
            for (step, _) in input.windows.occupied() {
                self.check_params(over.param_check, &over_call, step)?;
                if over.param_check == ParamCheck::None {
                    break;
                }
            }
            let of_series = OverCall {
                metric_name: input.labels.metric_name(),
                ..over_call
            };
            match over.apply {
                Apply::Whole(apply) => apply(&input.windows, &of_series, &mut column),
                Apply::Each(apply) => each_window(apply, &input.windows, &of_series, &mut column),
            }
            if column.is_empty() {
                return Ok(());
            }
            self.budget.charge(column.len())?;
            if over.counter {
                self.hint_counter(arg(call, over.range_arg)?.span(), input.labels.metric_name());
            }
            let drop_name = input.drop_name || !over.keeps_name;
            frame.push(Series {
                labels: input.labels,
                drop_name,
                column,
            });
            Ok(())
        })?;
        Ok(frame)
    }

    fn check_params(&self, check: ParamCheck, call: &OverCall<'_>, step: usize) -> Result<(), QueryError> {
        match check {
            ParamCheck::None => {}
            ParamCheck::Quantile => self.check_quantile(call.arg_span(0), call.param(0, step)),
            ParamCheck::Smoothing => {
                for (what, short, x) in [
                    ("smoothing", "sf", call.param(0, step)),
                    ("trend", "tf", call.param(1, step)),
                ] {
                    if x <= 0.0 || x >= 1.0 {
                        return Err(QueryError::execution(format!(
                            "invalid {what} factor. Expected: 0 < {short} < 1, got: {x:.6}"
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    fn hint_counter(&self, span: Span, name: &str) {
        if !name.is_empty() && !COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            self.annotations.info(
                span,
                format!(
                    "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
                ),
            );
        }
    }
}

/// Applies a function of one window to each.
fn each_window(
    apply: fn(&Window<'_>, &[f64]) -> Option<f64>,
    windows: &Windows<'_>,
    call: &OverCall<'_>,
    into: &mut Column,
) {
    for (step, window) in windows.occupied().filter(|(_, w)| !w.values.is_empty()) {
        let mut at_step = [0.0; MAX_PARAMS];
        let slots = at_step.iter_mut().take(call.params.len()).enumerate();
        slots.for_each(|(i, slot)| *slot = call.param(i, step));
        let params = at_step.get(..call.params.len()).unwrap_or(&at_step);
        if let Some(value) = apply(&window, params) {
            into.set_float(step, value);
        }
    }
}

/// The `i`th argument.
pub(super) fn arg(call: &Call, i: usize) -> Result<&Expr, QueryError> {
    let missing =
        || QueryError::execution(format!("argument {} of {} is missing", i + 1, call.function.name));
    call.args.get(i).ok_or_else(missing)
}
