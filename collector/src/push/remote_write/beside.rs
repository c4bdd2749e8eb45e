//! What series bring beside samples: native histograms and exemplars.
//!
//! Few requests have any, so the first pass only notes which series do, and these are read here, labels and all, before
//! anything of the request is stored. Bounded: two bytes on the wire can stand for a histogram of hundreds in memory.

use std::ops::Range;
use std::sync::Arc;

use model::Labels;
use model::exemplar::{ExemplarRow, ExemplarSink};
use model::metrics::MetricSink;

use super::exemplar::exemplar;
use super::histogram::{HistogramError, histogram};
use super::{ReceiveError, Received, labels, malformed};
use crate::push::wire::{Field, Message, WireError};
use crate::push::{NativeHistogram, PushError, store_histograms};

/// Histograms of one request may take so many bytes in memory.
const MAX_HISTOGRAM_BYTES: usize = 64 << 20;

/// Exemplars of one request beyond these are stepped over.
const MAX_EXEMPLARS: usize = 100_000;

/// The histograms and exemplars of a request.
#[derive(Default)]
pub(super) struct Beside {
    histograms: Vec<NativeHistogram>,
    histogram_bytes: usize,
    exemplars: Vec<ExemplarRow>,
    exemplars_wanted: bool,
}

impl Beside {
    /// Reads the series that lie in these ranges of the request; what is left out is noted in `received`.
    pub(super) fn read(
        plain: &[u8],
        series: &[Range<u32>],
        exemplars_wanted: bool,
        received: &mut Received,
    ) -> Result<Beside, PushError> {
        let mut beside = Beside {
            exemplars_wanted,
            ..Beside::default()
        };
        for range in series {
            let message = plain
                .get(range.start as usize..range.end as usize)
                .unwrap_or_default();
            beside.series(message, received)?;
        }
        Ok(beside)
    }

    fn series(&mut self, message: &[u8], received: &mut Received) -> Result<(), PushError> {
        let mut pairs = Vec::new();
        let valid = labels::read(Message::new(message), &mut pairs).map_err(malformed)?;
        let labels = valid.map(|()| Labels::from_sorted(&pairs));
        for field in Message::new(message) {
            let field = field.map_err(malformed)?;
            match (field.number, &labels) {
                (3, Ok(labels)) => self.exemplar(&field, labels, received)?,
                (4, Ok(labels)) => self.histogram(&field, labels, received)?,
                (3, Err(_)) => received.exemplars_skipped += 1,
                (4, Err(why)) => received.leave_out(why.clone(), 1),
                _ => {}
            }
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        field: &Field<'_>,
        labels: &Labels,
        received: &mut Received,
    ) -> Result<(), PushError> {
        match histogram(field.message().map_err(malformed)?) {
            Ok((timestamp_ms, histogram)) => {
                self.histogram_bytes += size_of::<NativeHistogram>() + histogram.memory_bytes();
                self.histograms.push(NativeHistogram {
                    labels: labels.clone(),
                    timestamp_ms,
                    histogram: Arc::new(histogram),
                });
            }
            Err(HistogramError::Wire(error)) => return Err(malformed(error)),
            Err(HistogramError::Invalid(why)) => received.leave_out(format!("{why}, series {labels}"), 1),
        }
        if self.histogram_bytes > MAX_HISTOGRAM_BYTES {
            return Err(PushError::TooLarge {
                limit: MAX_HISTOGRAM_BYTES as u64,
                unit: "bytes of histograms",
            });
        }
        Ok(())
    }

    fn exemplar(
        &mut self,
        field: &Field<'_>,
        labels: &Labels,
        received: &mut Received,
    ) -> Result<(), PushError> {
        let read = match exemplar(field.message().map_err(malformed)?) {
            // No sample depends on an exemplar.
            Err(WireError::Utf8(_)) => None,
            read => read.map_err(malformed)?,
        };
        match read.filter(|_| self.exemplars_wanted && self.exemplars.len() < MAX_EXEMPLARS) {
            Some(exemplar) => self.exemplars.push(ExemplarRow {
                series: labels.clone(),
                exemplar,
                own_timestamp: true,
            }),
            None => received.exemplars_skipped += 1,
        }
        Ok(())
    }

    /// Stores what was read. A sink of exemplars that fails is told to the operator and fails no request.
    pub(super) fn store(
        self,
        sink: &dyn MetricSink,
        exemplars: Option<&dyn ExemplarSink>,
        received: &mut Received,
    ) -> Result<(), ReceiveError> {
        let report = store_histograms(sink, &self.histograms)?;
        received.stored += report.stored;
        for (_, why) in report.rejected {
            received.reject(why, 1);
        }
        let Some(exemplars) = exemplars.filter(|_| !self.exemplars.is_empty()) else {
            return Ok(());
        };
        match exemplars.append_exemplars(&self.exemplars) {
            Ok(report) => {
                received.exemplars_stored += report.stored as u64;
                received.exemplars_skipped += report.rejected.len() as u64;
            }
            Err(error) => {
                received.exemplars_skipped += self.exemplars.len() as u64;
                tracing::warn!(%error, "exemplars of a remote write request were not stored");
            }
        }
        Ok(())
    }
}
