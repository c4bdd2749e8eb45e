//! Series to load, and how upstream's storage would keep them.
//!
//! A line `metric@st OFFSET…` before a series gives the start timestamps of its samples, as offsets from their times. A
//! staleness marker behind a native histogram is one itself. Prometheus keeps histograms in chunks, and reads their hints
//! on counter resets off these: within a chunk there was no reset, of the first one nothing is known.

use model::histogram::CounterResetHint;
use model::metrics::{Sample, is_stale_nan};
use model::{Histogram, Labels};

use super::nhcb;
use super::script::{Line, Wrong};
use crate::FloatHistogram;
use crate::memory::MemoryStore;
use crate::notation::{self, MAX_VALUES, SeriesValue};

/// Series to load.
pub(super) struct Load {
    pub(super) step_ms: i64,
    pub(super) series: Vec<LoadedSeries>,
    /// Whether to make native histograms of classic ones besides.
    with_native: bool,
}

/// One series with its values, one for each step.
pub(super) struct LoadedSeries {
    pub(super) labels: Labels,
    pub(super) values: Vec<SeriesValue>,
    /// From when on each value counts, in milliseconds relative to its time. Empty if nothing is said.
    starts: Vec<Option<i64>>,
}

impl Load {
    pub(super) fn parse(step_ms: i64, with_native: bool, body: &[Line<'_>]) -> Result<Load, Wrong> {
        let mut series: Vec<LoadedSeries> = Vec::new();
        let mut pending: Option<(usize, Labels, Vec<Option<i64>>)> = None;
        for (number, line) in body {
            let wrong = |e: String| (Some(*number), e);
            let (labels, rest) = notation::split_labels(line).map_err(wrong)?;
            if let Some(offsets) = rest.strip_prefix("@st") {
                if pending.is_some() {
                    return Err(wrong("two @st lines without a series between them".to_owned()));
                }
                pending = Some((*number, labels, offsets_of(offsets).map_err(wrong)?));
                continue;
            }
            let values = notation::parse_values(rest).map_err(wrong)?;
            let starts = match pending.take() {
                None => Vec::new(),
                Some((_, of, starts)) if of == labels && starts.len() == values.len() => starts,
                Some((at, _, starts)) => {
                    let (told, there) = (starts.len(), values.len());
                    let e = format!("@st line with {told} values does not fit {labels} with {there}");
                    return Err((Some(at), e));
                }
            };
            series.retain(|other| other.labels != labels);
            series.push(LoadedSeries {
                labels,
                values,
                starts,
            });
        }
        match pending {
            Some((at, ..)) => Err((Some(at), "@st line without a series after it".to_owned())),
            None => Ok(Load {
                step_ms,
                series,
                with_native,
            }),
        }
    }

    pub(super) fn run(&self, store: &MemoryStore) -> Result<(), String> {
        for series in &self.series {
            series.run(self.step_ms, store)?;
        }
        if self.with_native {
            for (labels, histograms) in nhcb::convert(self)? {
                let mut last = Last::Nothing;
                for (time, histogram) in histograms {
                    last = push_histogram(store, &labels, time, histogram, &last)?;
                }
            }
        }
        Ok(())
    }

    /// The times of the values of each series.
    pub(super) fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let step_ms = self.step_ms;
        (0..).map(move |i: i64| i.saturating_mul(step_ms))
    }
}

impl LoadedSeries {
    fn run(&self, step_ms: i64, store: &MemoryStore) -> Result<(), String> {
        let mut last = Last::Nothing;
        for (i, value) in (0_i64..).zip(&self.values) {
            let timestamp_ms = i.saturating_mul(step_ms);
            match value {
                SeriesValue::Gap => continue,
                SeriesValue::Float(x) if is_stale_nan(*x) && matches!(last, Last::Histogram(_)) => {
                    store.push_histogram(&self.labels, timestamp_ms, Histogram::stale().into());
                    last = Last::Nothing;
                }
                SeriesValue::Float(value) => {
                    let value = *value;
                    store.push(&self.labels, Sample { timestamp_ms, value });
                    last = Last::Nothing;
                }
                SeriesValue::Histogram(written) => {
                    let histogram = FloatHistogram::clone(&written.histogram);
                    last = push_histogram(store, &self.labels, timestamp_ms, histogram, &last)?;
                }
            }
            let offset = usize::try_from(i).ok().and_then(|i| *self.starts.get(i)?);
            let start = offset.map_or(model::Starts::UNKNOWN, |offset| {
                timestamp_ms.saturating_add(offset)
            });
            store.push_start(&self.labels, timestamp_ms, start);
        }
        Ok(())
    }
}

/// What the chunk that is written to ends with.
enum Last {
    /// Nothing that a histogram could be compared with.
    Nothing,
    Histogram(FloatHistogram),
}

fn push_histogram(
    store: &MemoryStore,
    labels: &Labels,
    timestamp_ms: i64,
    mut histogram: FloatHistogram,
    last: &Last,
) -> Result<Last, String> {
    if !histogram.is_gauge() {
        let same_chunk = match last {
            Last::Histogram(last) => !begins_chunk(&histogram, last),
            Last::Nothing => false,
        };
        histogram.reset_hint = if same_chunk {
            CounterResetHint::NoReset
        } else {
            CounterResetHint::Unknown
        };
    }
    let stored = Histogram::from(&histogram);
    stored
        .validate()
        .map_err(|e| format!("{labels} at {timestamp_ms}ms: {e}"))?;
    store.push_histogram(labels, timestamp_ms, stored.into());
    Ok(Last::Histogram(histogram))
}

/// Whether a counter begins a chunk, if `last` is the one before.
fn begins_chunk(histogram: &FloatHistogram, last: &FloatHistogram) -> bool {
    let mut asked = histogram.clone();
    if asked.reset_hint == CounterResetHint::NoReset {
        asked.reset_hint = CounterResetHint::Unknown;
    }
    last.is_gauge()
        || asked.schema != last.schema
        || asked.zero_threshold != last.zero_threshold
        || asked.custom_values != last.custom_values
        || asked.detect_reset(last)
}

/// The offsets of an `@st` line: durations with a sign, and the repetitions of series (`_x2`, `-30sx3`, `-1m+5sx3`).
fn offsets_of(text: &str) -> Result<Vec<Option<i64>>, String> {
    let mut offsets = Vec::new();
    for item in text.split_whitespace() {
        let bad = || format!("invalid start timestamp {item:?}");
        let (what, times) = match item.split_once('x') {
            Some((what, times)) => (what, times.parse::<usize>().map_err(|_| bad())?),
            None => (item, 0),
        };
        if offsets.len().saturating_add(times) >= MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} start timestamps"));
        }
        if what == "_" {
            offsets.extend(std::iter::repeat_n(None, times.max(1)));
            continue;
        }
        let step_at = what.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-'));
        let (first, step) = what.split_at(step_at.map_or(what.len(), |(i, _)| i));
        let step = if step.is_empty() { 0 } else { signed_ms(step)? };
        let mut offset = signed_ms(first)?;
        for _ in 0..=times {
            offsets.push(Some(offset));
            offset = offset.saturating_add(step);
        }
    }
    Ok(offsets)
}

fn signed_ms(text: &str) -> Result<i64, String> {
    super::script::time_ms(text.strip_prefix('+').unwrap_or(text))
}
