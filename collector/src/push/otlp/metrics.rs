//! Metrics of OpenTelemetry as Prometheus stores them, by its default translation.
//!
//! `job` and `instance` come from `service.namespace`/`service.name` and `service.instance.id`; what else the
//! resource says stands on one series `target_info`. Histograms with explicit bounds become `_bucket`, `_sum`
//! and `_count`, exponential ones become native histograms. What no store takes yet (delta temporality) is refused point
//! by point, with the reason. Exemplars of counters and histograms go beside. Costs a label set for each series of each
//! point.

mod exemplars;
mod exponential;
mod labels;
mod rows;

use model::Labels;
use model::exemplar::ExemplarRow;
use model::metrics::{Metadata, MetricRow, MetricType, STALE_NAN};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint,
    Metric, NumberDataPoint, SummaryDataPoint,
};

use super::names::{metric_name, unit_name};
use crate::push::{Decoded, NativeHistogram, PushError};
use labels::{Base, ResourceLabels};
use rows::Rows;

/// The samples of a request and what its metrics say of themselves.
#[derive(Debug, Clone, Default)]
pub struct MetricBatch {
    /// The samples, in the order sent; `target_info` after those of its resource.
    pub rows: Vec<MetricRow>,
    /// What came as exponential histograms.
    pub histograms: Vec<NativeHistogram>,
    /// The exemplars of all of them, in the order sent.
    pub exemplars: Vec<ExemplarRow>,
    /// By family, each once.
    pub metadata: Vec<(String, Metadata)>,
}

/// Turns an export request into samples; `rejected` counts data points.
///
/// # Errors
/// [`PushError::TooLarge`] where the request would unfold to more samples or label text than is bearable.
pub fn metrics(request: ExportMetricsServiceRequest) -> Result<Decoded<MetricBatch>, PushError> {
    let mut decoded = Decoded::all(MetricBatch::default());
    let mut rows = Rows::default();
    for resource_metrics in request.resource_metrics {
        let resource = ResourceLabels::of(&resource_metrics.resource.unwrap_or_default().attributes);
        let mut newest_ns = 0;
        for metric in resource_metrics
            .scope_metrics
            .into_iter()
            .flat_map(|scope| scope.metrics)
        {
            newest_ns = newest_ns.max(one_metric(metric, &resource, &mut rows, &mut decoded)?);
        }
        if let (Some(labels), true) = (&resource.target_info, newest_ns > 0) {
            rows.push(labels.clone(), newest_ns, 1.0)?;
        }
    }
    let Rows {
        rows,
        histograms,
        exemplars,
        ..
    } = rows;
    decoded.items.rows = rows;
    decoded.items.histograms = histograms;
    decoded.items.exemplars = exemplars;
    Ok(decoded)
}

/// Gives the newest timestamp of the metric's points, 0 where it has none.
fn one_metric(
    metric: Metric,
    resource: &ResourceLabels,
    rows: &mut Rows,
    decoded: &mut Decoded<MetricBatch>,
) -> Result<u64, PushError> {
    let Metric {
        name,
        unit,
        description,
        data,
        ..
    } = metric;
    let Some(data) = data else {
        decoded.reject(1, || format!("metric {name:?} has no data of a known kind"));
        return Ok(0);
    };
    let (metric_type, points) = shape(&data);
    if let Some(why) = unsupported(&data) {
        decoded.reject(points, || format!("metric {name:?}: {why}"));
        return Ok(0);
    }
    // A sum that may fall is a gauge to Prometheus, but a unit of `1` does not make it a ratio.
    let naming = if matches!(&data, Data::Sum(sum) if !sum.is_monotonic) {
        MetricType::Unknown
    } else {
        metric_type
    };
    let Some(family) = metric_name(&name, &unit, naming) else {
        decoded.reject(points, || {
            format!("metric {name:?}: nothing is left of its name for Prometheus")
        });
        return Ok(0);
    };
    let metadata = Metadata {
        metric_type,
        help: description,
        unit: unit_name(&unit),
    };
    if !decoded
        .items
        .metadata
        .iter()
        .rev()
        .take(METADATA_WINDOW)
        .any(|(known, _)| *known == family)
    {
        decoded.items.metadata.push((family.clone(), metadata));
    }
    let mut translation = Translation {
        family: &family,
        resource,
        rows,
        newest_ns: 0,
    };
    let mut reject = |why: String| decoded.reject(1, || format!("metric {name:?}: {why}"));
    match data {
        Data::Gauge(gauge) => translation.all(gauge.data_points, Translation::number, &mut reject)?,
        Data::Sum(sum) if sum.is_monotonic => {
            translation.all(sum.data_points, Translation::counter, &mut reject)?;
        }
        Data::Sum(sum) => translation.all(sum.data_points, Translation::number, &mut reject)?,
        Data::Histogram(histogram) => {
            translation.all(histogram.data_points, Translation::histogram, &mut reject)?;
        }
        Data::Summary(summary) => translation.all(summary.data_points, Translation::summary, &mut reject)?,
        Data::ExponentialHistogram(histogram) => {
            translation.all(histogram.data_points, Translation::exponential, &mut reject)?;
        }
    }
    Ok(translation.newest_ns)
}

/// Repetitions of a family further apart than this are handed on twice, which harms nobody; it keeps a
/// request of many metrics from comparing each with each.
const METADATA_WINDOW: usize = 64;

/// Prometheus' type for a metric, and how many points it has.
fn shape(data: &Data) -> (MetricType, u64) {
    let (metric_type, points) = match data {
        Data::Gauge(gauge) => (MetricType::Gauge, gauge.data_points.len()),
        Data::Sum(sum) if sum.is_monotonic => (MetricType::Counter, sum.data_points.len()),
        Data::Sum(sum) => (MetricType::Gauge, sum.data_points.len()),
        Data::Histogram(histogram) => (MetricType::Histogram, histogram.data_points.len()),
        Data::ExponentialHistogram(histogram) => (MetricType::Histogram, histogram.data_points.len()),
        Data::Summary(summary) => (MetricType::Summary, summary.data_points.len()),
    };
    (metric_type, points as u64)
}

fn unsupported(data: &Data) -> Option<&'static str> {
    let temporality = match data {
        Data::Gauge(_) | Data::Summary(_) => return None,
        Data::Sum(sum) => sum.aggregation_temporality,
        Data::Histogram(histogram) => histogram.aggregation_temporality,
        Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality,
    };
    match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Cumulative) => None,
        Ok(AggregationTemporality::Delta) => Some("delta temporality is not supported; send cumulative"),
        Ok(AggregationTemporality::Unspecified) | Err(_) => {
            Some("its temporality is not said; send cumulative")
        }
    }
}

/// Why a point was not taken: alone, or with all the rest.
enum Refusal {
    Point(String),
    Request(PushError),
}

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Refusal {
        Refusal::Request(error)
    }
}

/// The points of one metric on their way to rows.
struct Translation<'a> {
    family: &'a str,
    resource: &'a ResourceLabels,
    rows: &'a mut Rows,
    newest_ns: u64,
}

impl Translation<'_> {
    fn all<P>(
        &mut self,
        points: Vec<P>,
        one: impl Fn(&mut Self, &P) -> Result<(), Refusal>,
        reject: &mut impl FnMut(String),
    ) -> Result<(), PushError> {
        for point in points {
            match one(self, &point) {
                Ok(()) => {}
                Err(Refusal::Point(why)) => reject(why),
                Err(Refusal::Request(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn push(&mut self, labels: Labels, time_ns: u64, flags: u32, value: f64) -> Result<(), Refusal> {
        let value = if no_value(flags) { STALE_NAN } else { value };
        self.newest_ns = self.newest_ns.max(time_ns);
        Ok(self.rows.push(labels, time_ns, value)?)
    }

    fn number(&mut self, point: &NumberDataPoint) -> Result<(), Refusal> {
        let base = Base::of(self.resource, &point.attributes).map_err(Refusal::Point)?;
        let value = match point.value {
            Some(Value::AsDouble(value)) => value,
            Some(Value::AsInt(value)) => value as f64,
            None if no_value(point.flags) => STALE_NAN,
            None => return Err(Refusal::Point("a data point has no value".to_owned())),
        };
        self.push(
            base.named(self.family, "", None),
            point.time_unix_nano,
            point.flags,
            value,
        )
    }

    fn counter(&mut self, point: &NumberDataPoint) -> Result<(), Refusal> {
        self.number(point)?;
        self.exemplars(
            &point.exemplars,
            &point.attributes,
            point.time_unix_nano,
            |base, family, _| base.named(family, "", None),
        )
    }

    /// Exemplars of the series that `series` makes of what the point's series share, the family and the value.
    fn exemplars(
        &mut self,
        sent: &[Exemplar],
        attributes: &[KeyValue],
        point_ns: u64,
        series: impl Fn(&Base, &str, f64) -> Labels,
    ) -> Result<(), Refusal> {
        if sent.is_empty() {
            return Ok(());
        }
        let base = Base::of(self.resource, attributes).map_err(Refusal::Point)?;
        for exemplar in sent {
            if let Some(value) = exemplars::value(exemplar) {
                let labels = series(&base, self.family, value);
                let row = exemplars::row(exemplar, value, labels, point_ns);
                self.rows.push_exemplar(row)?;
            }
        }
        Ok(())
    }

    fn exponential(&mut self, point: &ExponentialHistogramDataPoint) -> Result<(), Refusal> {
        let time = point.time_unix_nano;
        let base = Base::of(self.resource, &point.attributes).map_err(Refusal::Point)?;
        let histogram = exponential::native(point, no_value(point.flags)).map_err(Refusal::Point)?;
        self.newest_ns = self.newest_ns.max(time);
        let labels = base.named(self.family, "", None);
        self.rows.push_histogram(labels, time, histogram)?;
        self.exemplars(&point.exemplars, &point.attributes, time, |base, family, _| {
            base.named(family, "", None)
        })
    }

    fn histogram(&mut self, point: &HistogramDataPoint) -> Result<(), Refusal> {
        let (time, flags, count) = (point.time_unix_nano, point.flags, point.count as f64);
        let base = Base::of(self.resource, &point.attributes).map_err(Refusal::Point)?;
        // A histogram that saw negative values has no sum that could only rise, and leaves it out.
        if let Some(sum) = point.sum {
            self.push(base.named(self.family, "_sum", None), time, flags, sum)?;
        }
        self.push(base.named(self.family, "_count", None), time, flags, count)?;
        let mut below = 0u64;
        for (bound, in_bucket) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            below = below.saturating_add(*in_bucket);
            if *bound == f64::INFINITY {
                continue;
            }
            let le = bound.to_string();
            self.push(
                base.named(self.family, "_bucket", Some(("le", &le))),
                time,
                flags,
                below as f64,
            )?;
        }
        self.push(
            base.named(self.family, "_bucket", Some(("le", "+Inf"))),
            time,
            flags,
            count,
        )?;
        self.exemplars(
            &point.exemplars,
            &point.attributes,
            time,
            |base, family, value| {
                let bounds = point.explicit_bounds.iter().zip(&point.bucket_counts);
                let mut finite = bounds
                    .map(|(bound, _)| *bound)
                    .filter(|bound| *bound != f64::INFINITY);
                let bound = finite.find(|bound| value <= *bound);
                let le = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
                base.named(family, "_bucket", Some(("le", &le)))
            },
        )
    }

    fn summary(&mut self, point: &SummaryDataPoint) -> Result<(), Refusal> {
        let (time, flags) = (point.time_unix_nano, point.flags);
        let base = Base::of(self.resource, &point.attributes).map_err(Refusal::Point)?;
        self.push(base.named(self.family, "_sum", None), time, flags, point.sum)?;
        self.push(
            base.named(self.family, "_count", None),
            time,
            flags,
            point.count as f64,
        )?;
        for quantile in &point.quantile_values {
            let text = quantile.quantile.to_string();
            let labels = base.named(self.family, "", Some(("quantile", &text)));
            self.push(labels, time, flags, quantile.value)?;
        }
        Ok(())
    }
}

fn no_value(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}
