//! Function calls: from the table's entry to the code that evaluates it.

use super::frame::map_values;
use super::{ABSENT, Evaluator, Frame, Output, Series, Steps, string};
use crate::ast::Call;
use crate::ast::analysis::Defaults;
use crate::functions::{Kind, Over, ParamCheck, QueryTime};
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
            Kind::Math(f) => Ok(Output::Vector(map_values(self.vector(arg(call, 0)?, steps)?, f))),
            Kind::Date(f) => self.date(*f, call.args.first(), steps).map(Output::Vector),
            Kind::Over(over) => self.over_ranges(over, call, steps).map(Output::Vector),
            Kind::Absent => self.absent(arg(call, 0)?, steps).map(Output::Vector),
            Kind::AbsentOverTime => self.absent_over_time(arg(call, 0)?, steps).map(Output::Vector),
            Kind::Clamp | Kind::ClampMin | Kind::ClampMax => self.clamp(call, steps).map(Output::Vector),
            Kind::Round => self.round(call, steps).map(Output::Vector),
            Kind::HistogramQuantile => self.histogram_quantile(call, steps).map(Output::Vector),
            Kind::HistogramQuantiles => self.histogram_quantiles(call, steps).map(Output::Vector),
            Kind::HistogramFraction => self.histogram_fraction(call, steps).map(Output::Vector),
            Kind::NativeHistogram => {
                self.vector(arg(call, 0)?, steps)?;
                Ok(Output::Vector(Frame::new()))
            }
            Kind::Info => self.info(call, steps).map(Output::Vector),
            Kind::LabelReplace => self.label_replace(call, steps).map(Output::Vector),
            Kind::LabelJoin => self.label_join(call, steps).map(Output::Vector),
            Kind::Sort { descending } => self.sort(arg(call, 0)?, *descending, steps).map(Output::Vector),
            Kind::SortByLabel { descending } => {
                let names = call
                    .args
                    .iter()
                    .skip(1)
                    .map(string)
                    .collect::<Result<Vec<_>, _>>()?;
                self.sort_by_label(arg(call, 0)?, &names, *descending, steps)
                    .map(Output::Vector)
            }
            Kind::Timestamp => self.timestamp(arg(call, 0)?, steps).map(Output::Vector),
            Kind::Vector => {
                let values = self.scalar(arg(call, 0)?, steps)?;
                Ok(Output::Vector(vec![Series {
                    labels: model::Labels::empty(),
                    drop_name: false,
                    values,
                }]))
            }
        }
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
        let mut frame = Frame::new();
        self.for_each_range(arg(call, over.range_arg)?, steps, over.wanted, |input| {
            let mut values = Vec::new();
            input.for_each_window(self, steps, |step, window| {
                let mut at_step = [0.0; MAX_PARAMS];
                at_step
                    .iter_mut()
                    .zip(&params)
                    .for_each(|(p, column)| *p = column.get(step).copied().unwrap_or(0.0));
                let at_step = at_step.get(..params.len()).unwrap_or(&at_step);
                self.check_params(over.param_check, at_step)?;
                if let Some(value) = (over.apply)(window, at_step) {
                    values.resize(step, ABSENT);
                    values.push(value);
                }
                Ok(())
            })?;
            if values.is_empty() {
                return Ok(());
            }
            values.resize(steps.count, ABSENT);
            self.budget.charge(values.len())?;
            if over.counter {
                self.hint_counter(input.labels.metric_name());
            }
            let drop_name = input.drop_name || !over.keeps_name;
            frame.push(Series {
                labels: input.labels,
                drop_name,
                values,
            });
            Ok(())
        })?;
        Ok(frame)
    }

    fn check_params(&self, check: ParamCheck, params: &[f64]) -> Result<(), QueryError> {
        match check {
            ParamCheck::None => {}
            ParamCheck::Quantile => params.iter().for_each(|q| self.check_quantile(*q)),
            ParamCheck::Smoothing => {
                for (what, short, x) in [
                    ("smoothing", "sf", params.first()),
                    ("trend", "tf", params.get(1)),
                ] {
                    let x = x.copied().unwrap_or(f64::NAN);
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

    fn hint_counter(&self, name: &str) {
        if !name.is_empty() && !COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            self.annotations.info(&format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ));
        }
    }
}

/// The `i`th argument.
pub(super) fn arg(call: &Call, i: usize) -> Result<&Expr, QueryError> {
    let missing =
        || QueryError::execution(format!("argument {} of {} is missing", i + 1, call.function.name));
    call.args.get(i).ok_or_else(missing)
}
