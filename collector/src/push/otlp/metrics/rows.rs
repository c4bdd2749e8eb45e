//! Samples under construction, within bounds: a histogram of many buckets repeats the text of its attributes
//! on every bucket, so that a small request could unfold to any size.

use std::sync::Arc;

use model::exemplar::ExemplarRow;
use model::metrics::{MetricRow, Sample, SeriesRef};
use model::{Histogram, Labels};

use crate::push::{NativeHistogram, PushError};

/// More samples than this from one request are refused.
const MAX_ROWS: usize = 1_000_000;
/// More label text than this from one request is refused, in bytes.
const MAX_TEXT: usize = 256 << 20;

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<MetricRow>,
    pub(super) histograms: Vec<NativeHistogram>,
    pub(super) exemplars: Vec<ExemplarRow>,
    text: usize,
}

impl Rows {
    pub(super) fn push(&mut self, labels: Labels, time_ns: u64, value: f64) -> Result<(), PushError> {
        self.make_room(&labels)?;
        let sample = Sample {
            timestamp_ms: milliseconds(time_ns),
            value,
        };
        self.rows.push(MetricRow {
            series: SeriesRef::UNKNOWN,
            labels,
            sample,
        });
        Ok(())
    }

    pub(super) fn push_histogram(
        &mut self,
        labels: Labels,
        time_ns: u64,
        histogram: Histogram,
    ) -> Result<(), PushError> {
        self.make_room(&labels)?;
        self.histograms.push(NativeHistogram {
            labels,
            timestamp_ms: milliseconds(time_ns),
            histogram: Arc::new(histogram),
        });
        Ok(())
    }

    pub(super) fn push_exemplar(&mut self, row: ExemplarRow) -> Result<(), PushError> {
        self.make_room(&row.series)?;
        self.exemplars.push(row);
        Ok(())
    }

    fn make_room(&mut self, labels: &Labels) -> Result<(), PushError> {
        self.text += labels
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        if self.rows.len() + self.histograms.len() + self.exemplars.len() >= MAX_ROWS {
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
        Ok(())
    }
}

/// A u64 of nanoseconds divided by a million fits an i64.
fn milliseconds(time_ns: u64) -> i64 {
    (time_ns / 1_000_000).cast_signed()
}
