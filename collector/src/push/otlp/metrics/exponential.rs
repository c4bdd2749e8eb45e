//! Exponential histograms of OpenTelemetry as native histograms.
//!
//! Both have buckets whose bounds are powers of `2^(2^-scale)`; OpenTelemetry's bucket `i` has the bounds of Prometheus'
//! bucket `i + 1`. Scales finer than Prometheus' finest are made coarser by joining neighbours. Translation:
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#exponential-histograms>.

use model::Histogram;
use model::histogram::{Buckets, CounterResetHint, Counts, EXPONENTIAL_SCHEMAS, MAX_BUCKETS, Span};
use model::metrics::STALE_NAN;
use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Sent;

/// Where the sender says nothing of it, the zero bucket reaches as far as Prometheus' translation has it.
const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;

/// Gaps of so many empty buckets are written as buckets: a span costs more.
const FILLED_GAP: i64 = 2;

/// Translates a point; `stale` where it says that nothing was recorded.
pub(super) fn native(point: &ExponentialHistogramDataPoint, stale: bool) -> Result<Histogram, String> {
    let (coarsest, finest) = (*EXPONENTIAL_SCHEMAS.start(), *EXPONENTIAL_SCHEMAS.end());
    if point.scale < i32::from(coarsest) {
        return Err(format!(
            "an exponential histogram has scale {}, the coarsest that can be stored is {coarsest}",
            point.scale
        ));
    }
    let joined = point.scale.saturating_sub(i32::from(finest)).clamp(0, 31);
    let schema = i8::try_from(point.scale).map_or(finest, |scale| scale.min(finest));
    let (positive_spans, positive) = layout(point.positive.as_ref(), joined)?;
    let (negative_spans, negative) = layout(point.negative.as_ref(), joined)?;
    let histogram = Histogram {
        schema,
        // Whether counting began anew is not known from one point.
        reset_hint: CounterResetHint::Unknown,
        zero_threshold: if point.zero_threshold > 0.0 {
            point.zero_threshold
        } else {
            DEFAULT_ZERO_THRESHOLD
        },
        sum: if stale {
            STALE_NAN
        } else {
            point.sum.unwrap_or(0.0)
        },
        positive_spans,
        negative_spans,
        custom_values: Vec::new(),
        counts: Counts::Integer(Buckets {
            count: point.count,
            zero_count: point.zero_count,
            positive,
            negative,
        }),
    };
    histogram.validate().map_err(|why| why.to_string())?;
    Ok(histogram)
}

/// Spans and counts of one side, each bucket joined with its neighbours of the coarser scale.
fn layout(sent: Option<&Sent>, joined: i32) -> Result<(Vec<Span>, Vec<u64>), String> {
    let mut filled: Vec<(i64, u64)> = Vec::new();
    let Some(sent) = sent else {
        return Ok((Vec::new(), Vec::new()));
    };
    for (i, &count) in (0i64..).zip(&sent.bucket_counts).filter(|(_, count)| **count > 0) {
        let index = ((i64::from(sent.offset) + i) >> joined) + 1;
        let full = filled.len() > MAX_BUCKETS;
        match filled.last_mut() {
            Some((last, sum)) if *last == index => *sum = sum.saturating_add(count),
            _ if full => break,
            _ => filled.push((index, count)),
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    let mut counts = Vec::with_capacity(filled.len());
    let mut end = 0i64;
    for (index, count) in filled {
        let gap = index - end;
        match spans.last_mut() {
            Some(span) if gap <= FILLED_GAP => {
                counts.extend((0..gap).map(|_| 0));
                span.length += u32::try_from(gap).unwrap_or(0) + 1;
            }
            _ => spans.push(Span {
                offset: i32::try_from(gap)
                    .map_err(|_| "an exponential histogram has an offset out of bounds")?,
                length: 1,
            }),
        }
        counts.push(count);
        end = index + 1;
    }
    Ok((spans, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(scale: i32, offset: i32, bucket_counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            count: bucket_counts.iter().sum::<u64>() + 2,
            sum: Some(10.5),
            scale,
            zero_count: 2,
            positive: Some(Sent {
                offset,
                bucket_counts: bucket_counts.to_vec(),
            }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn positive(histogram: &Histogram) -> (Vec<(i32, u32)>, Vec<u64>) {
        let spans = histogram.positive_spans.iter().map(|s| (s.offset, s.length));
        let Counts::Integer(counts) = &histogram.counts else {
            panic!("integer counts")
        };
        (spans.collect(), counts.positive.clone())
    }

    #[test]
    fn bucket_i_is_bucket_i_plus_one() {
        let histogram = native(&point(3, -2, &[1, 2, 0, 0, 4, 0, 0, 0, 5, 0]), false).expect("translates");
        assert_eq!(histogram.schema, 3);
        assert_eq!(
            positive(&histogram),
            (vec![(-1, 5), (3, 1)], vec![1, 2, 0, 0, 4, 5])
        );
        assert_eq!(histogram.zero_threshold, 1e-128);
    }

    #[test]
    fn finer_scales_are_joined() {
        // At scale 10 four neighbours are one at scale 8: -5..-1 is half of it each.
        let histogram = native(&point(10, -5, &[1, 1, 1, 1, 1, 7, 0, 0, 0, 2]), false).expect("translates");
        assert_eq!(histogram.schema, 8);
        assert_eq!(positive(&histogram), (vec![(-1, 4)], vec![1, 4, 7, 2]));
        assert!(native(&point(i32::MAX, i32::MIN, &[3; 40]), false).is_ok());
    }

    #[test]
    fn what_cannot_be_is_said() {
        let coarse = native(&point(-5, 0, &[1]), false).expect_err("too coarse");
        assert!(coarse.contains("scale -5"), "{coarse}");
        let mut lost = point(0, 0, &[1]);
        lost.count = 9;
        assert!(native(&lost, false).expect_err("counts").contains("count is 9"));
        assert!(native(&point(0, i32::MAX, &[1, 1]), false).is_err());
        assert!(native(&point(0, 0, &[1; 5000]), false).is_err());
    }

    #[test]
    fn nothing_recorded_is_a_stale_marker() {
        let point = ExponentialHistogramDataPoint::default();
        assert!(native(&point, true).expect("translates").is_stale());
    }
}
