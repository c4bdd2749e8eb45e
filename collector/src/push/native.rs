//! Native histograms that come with their labels, and how they reach a sink.

use std::sync::Arc;

use model::metrics::{AppendReport, HistogramRow, MetricSink, NewSeries};
use model::{Histogram, Labels, StoreError};

/// A native histogram on its way into a store.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeHistogram {
    /// The full label set, metric name included.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Valid.
    pub histogram: Arc<Histogram>,
}

/// Makes or finds the series of each, and stores them in one batch. The report's indexes are those of `histograms`.
///
/// # Errors
/// As for [`MetricSink::append_histograms`].
pub fn store_histograms(
    sink: &dyn MetricSink,
    histograms: &[NativeHistogram],
) -> Result<AppendReport, StoreError> {
    if histograms.is_empty() {
        return Ok(AppendReport::default());
    }
    let new = |native: &NativeHistogram| NewSeries {
        labels: native.labels.clone(),
        timestamp_ms: native.timestamp_ms,
    };
    let series: Vec<NewSeries> = histograms.iter().map(new).collect();
    let mut refs = Vec::with_capacity(series.len());
    sink.create(&series, &mut refs);
    let mut rejected = Vec::new();
    let mut places = Vec::with_capacity(refs.len());
    let mut rows = Vec::with_capacity(refs.len());
    for (i, (native, made)) in histograms.iter().zip(refs).enumerate() {
        match made {
            Ok(series) => {
                places.push(i);
                rows.push(HistogramRow {
                    series,
                    timestamp_ms: native.timestamp_ms,
                    histogram: Arc::clone(&native.histogram),
                });
            }
            Err(why) => rejected.push((i, why)),
        }
    }
    let appended = sink.append_histograms(&rows)?;
    let of_batch = |(at, why)| Some((*places.get(at)?, why));
    rejected.extend(appended.rejected.into_iter().filter_map(of_batch));
    rejected.sort_unstable_by_key(|(i, _)| *i);
    Ok(AppendReport {
        stored: appended.stored,
        rejected,
    })
}
