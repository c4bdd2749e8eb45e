//! Remote write requests, as they are sent and before they are packed, into a sink that takes everything.
#![no_main]

use std::sync::Arc;

use collector::push::remote_write::Receiver;
use model::exemplar::{ExemplarReport, ExemplarRow, ExemplarSink};
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef,
};
use model::{SeriesKey, StoreError};

struct Nowhere;

fn stored(len: usize) -> Result<AppendReport, StoreError> {
    Ok(AppendReport {
        stored: len,
        rejected: Vec::new(),
    })
}

impl MetricSink for Nowhere {
    /// Knows every second series.
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        refs.clear();
        refs.extend((0..keys.len() as u64).map(|i| SeriesRef(i % 2 * (i + 1))));
    }

    fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        refs.clear();
        refs.extend((0..series.len() as u64).map(|i| Ok(SeriesRef(i + 1))));
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        stored(samples.len())
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        assert!(rows.iter().all(|row| row.histogram.validate().is_ok()));
        stored(rows.len())
    }

    fn set_metadata(&self, _: &str, _: &Metadata) {}
}

impl ExemplarSink for Nowhere {
    fn append_exemplars(&self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError> {
        Ok(ExemplarReport {
            stored: rows.len(),
            ..ExemplarReport::default()
        })
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let receiver = Receiver::with_exemplars(Arc::new(Nowhere));
    let _ = receiver.receive(&Nowhere, bytes, 1 << 20);
    let packed = snap::raw::Encoder::new()
        .compress_vec(bytes)
        .expect("an input is short");
    let _ = receiver.receive(&Nowhere, &packed, 1 << 20);
});
