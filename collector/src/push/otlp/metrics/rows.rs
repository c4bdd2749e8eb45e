//! Samples under construction, within bounds: a histogram of many buckets repeats the text of its attributes
//! on every bucket, so that a small request could unfold to any size.

use model::Labels;
use model::metrics::{MetricRow, Sample, SeriesRef};

use crate::push::PushError;

/// More samples than this from one request are refused.
const MAX_ROWS: usize = 1_000_000;
/// More label text than this from one request is refused, in bytes.
const MAX_TEXT: usize = 256 << 20;

#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<MetricRow>,
    text: usize,
}

impl Rows {
    pub(super) fn push(&mut self, labels: Labels, time_ns: u64, value: f64) -> Result<(), PushError> {
        self.text += labels
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        if self.rows.len() >= MAX_ROWS {
            return Err(PushError::TooLarge {
                limit: MAX_ROWS as u64,
                unit: "samples",
            });
        }
        if self.text > MAX_TEXT {
            return Err(PushError::TooLarge {
                limit: MAX_TEXT as u64,
                unit: "bytes of labels",
            });
        }
        // A u64 of nanoseconds divided by a million fits an i64.
        let sample = Sample {
            timestamp_ms: (time_ns / 1_000_000).cast_signed(),
            value,
        };
        self.rows.push(MetricRow {
            series: SeriesRef::UNKNOWN,
            labels,
            sample,
        });
        Ok(())
    }

    pub(super) fn into_inner(self) -> Vec<MetricRow> {
        self.rows
    }
}
