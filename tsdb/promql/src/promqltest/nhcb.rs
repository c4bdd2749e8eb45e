//! Native histograms with custom buckets, made of the classic histograms among loaded series.

use std::collections::BTreeMap;

use model::Labels;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};
use model::labels::METRIC_NAME;

use super::load::Load;
use crate::FloatHistogram;
use crate::histogram::Side;
use crate::notation::SeriesValue;
use crate::numeric::parse_float;

/// The label that bears the upper bound of a classic bucket.
const BUCKET_LABEL: &str = "le";

/// A classic histogram at one time.
#[derive(Default)]
struct Classic {
    /// Upper bounds and cumulative counts.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// What a series says of a histogram.
#[derive(Clone, Copy)]
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

/// The histogram of each time, by series.
pub(super) type Converted = BTreeMap<Labels, Vec<(i64, FloatHistogram)>>;

/// Makes native histograms of the classic ones.
pub(super) fn convert(load: &Load) -> Result<Converted, String> {
    let mut classic: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for series in &load.series {
        let Some((part, base)) = part_of(&series.labels) else {
            continue;
        };
        let by_time = classic.entry(base).or_default();
        for (time, value) in load.times().zip(&series.values) {
            let SeriesValue::Float(value) = *value else {
                continue;
            };
            let histogram = by_time.entry(time).or_default();
            match part {
                Part::Bucket(bound) => histogram.buckets.push((bound, value)),
                Part::Count => histogram.count = Some(value),
                Part::Sum => histogram.sum = value,
            }
        }
    }
    let of_series = |(labels, by_time): (Labels, BTreeMap<i64, Classic>)| {
        let native = |(time, classic): (i64, Classic)| {
            let native = classic.into_native();
            native
                .map(|h| (time, h))
                .map_err(|e| format!("{labels} at {time}ms: {e}"))
        };
        let histograms: Result<Vec<_>, String> = by_time.into_iter().map(native).collect();
        histograms.map(|histograms| (labels.clone(), histograms))
    };
    classic.into_iter().map(of_series).collect()
}

/// Which part of a histogram a series is, and the labels of the whole.
fn part_of(labels: &Labels) -> Option<(Part, Labels)> {
    let name = labels.metric_name();
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        let bound = parse_float(labels.get(BUCKET_LABEL)?).filter(|bound| !bound.is_nan())?;
        (base, Part::Bucket(bound))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else {
        (name.strip_suffix("_sum")?, Part::Sum)
    };
    let whole = labels
        .to_builder()
        .set(METRIC_NAME, base)
        .del(BUCKET_LABEL)
        .build();
    Some((part, whole))
}

impl Classic {
    fn into_native(mut self) -> Result<FloatHistogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|later, earlier| later.0 == earlier.0);
        let highest = self.buckets.last().copied();
        let count = self.count.or(highest.map(|(_, n)| n)).unwrap_or(0.0);
        if highest.is_none_or(|(bound, _)| bound != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let mut before = 0.0;
        let mut counts = Vec::with_capacity(self.buckets.len());
        for &(bound, cumulative) in &self.buckets {
            if cumulative < before {
                return Err(format!(
                    "the count of bucket {bound} is {cumulative}, less than {before} before"
                ));
            }
            counts.push(cumulative - before);
            before = cumulative;
        }
        if count != before {
            return Err(format!("the count is {count}, the buckets hold {before}"));
        }
        let bounds = self.buckets.iter().map(|(bound, _)| *bound);
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive: Side {
                spans: vec![Span {
                    offset: 0,
                    length: u32::try_from(counts.len()).map_err(|e| e.to_string())?,
                }],
                buckets: counts,
            },
            custom_values: bounds.filter(|bound| *bound != f64::INFINITY).collect(),
            ..FloatHistogram::default()
        };
        histogram.compact(0);
        Ok(histogram)
    }
}
