//! The answer to an instant query, for whoever asks for the same time: several panels of a dashboard, several people who
//! look at it, a proxy that rounds times.

use crate::histogram::FloatHistogram;
use crate::{QueryResult, SampleValue, Value};

/// A whole answer.
#[derive(Debug)]
pub(super) struct Instant {
    result: QueryResult,
    bytes: usize,
}

impl Instant {
    /// The answer to keep: vectors. All others are small or raw samples.
    pub(super) fn of(result: &QueryResult) -> Option<Instant> {
        /// Of labels beside their text.
        const PER_LABEL: usize = 8;
        const PER_SERIES: usize = 96;
        let Value::Vector(samples) = &result.value else {
            return None;
        };
        let mut bytes = size_of::<Instant>();
        for sample in samples {
            let text = |(name, value): (&str, &str)| name.len() + value.len() + PER_LABEL;
            bytes += PER_SERIES + sample.labels.iter().map(text).sum::<usize>();
            if let SampleValue::Histogram(histogram) = &sample.value {
                bytes += FloatHistogram::memory_bytes(histogram);
            }
        }
        let notes = result.warnings.iter().chain(&result.infos);
        bytes += notes.map(String::len).sum::<usize>();
        Some(Instant {
            result: result.clone(),
            bytes,
        })
    }

    pub(super) fn result(&self) -> QueryResult {
        self.result.clone()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
