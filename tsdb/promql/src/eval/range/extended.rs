//! The samples of a range vector whose ends are extended, as they are: a sample at each end, and those between.

use model::Labels;

use super::super::Windows;
use crate::QueryError;
use crate::ast::Extension;
use crate::functions::rate::interpolate;
use crate::value::RangeSeries;

/// The samples of the window, which is the only one.
///
/// # Errors
/// There are histograms, of which Prometheus takes none here.
pub(super) fn samples(labels: Labels, windows: &Windows<'_>) -> Result<Option<RangeSeries>, QueryError> {
    let smoothed = windows.extension == Extension::Smoothed;
    if !windows.track.histograms.is_empty() {
        let word = if smoothed { "smoothed" } else { "anchored" };
        return Err(QueryError::Execution(format!(
            "{word} modifier is not supported with histograms"
        )));
    }
    let Some(bounds) = windows.bounds.first() else {
        return Ok(None);
    };
    let points: Vec<(i64, f64)> = windows
        .track
        .timestamps
        .iter()
        .copied()
        .zip(windows.track.values.iter().copied())
        .collect();
    let extended = extend(&points, bounds.start_ms, bounds.end_ms, smoothed);
    Ok(extended.map(|points| {
        let (timestamps, values): (Vec<i64>, Vec<f64>) = points.into_iter().unzip();
        RangeSeries {
            labels,
            timestamps: timestamps.into(),
            values: values.into(),
            histograms: [].into(),
        }
    }))
}

/// The points between two times with one at each of them: interpolated, or the last one before it.
fn extend(points: &[(i64, f64)], start_ms: i64, end_ms: i64, smoothed: bool) -> Option<Vec<(i64, f64)>> {
    let (&newest, before) = points.split_last()?;
    let first = before.partition_point(|(t, _)| *t <= start_ms).saturating_sub(1);
    let last = match smoothed {
        true => before.partition_point(|(t, _)| *t < end_ms),
        false => before.len(),
    };
    let (oldest, latest) = (*points.get(first)?, *points.get(last).unwrap_or(&newest));
    if latest.0 <= start_ms {
        return None;
    }
    let left = match points.get(first + 1) {
        Some(next) if smoothed && oldest.0 < start_ms => interpolate(oldest, *next, start_ms, false),
        _ => oldest.1,
    };
    let right = match last.checked_sub(1).and_then(|i| points.get(i)) {
        Some(previous) if smoothed && latest.0 > end_ms => interpolate(*previous, latest, end_ms, false),
        _ => latest.1,
    };
    let between = points.iter().filter(|(t, _)| *t > start_ms && *t < end_ms);
    let mut extended = vec![(start_ms, left)];
    extended.extend(between);
    extended.push((end_ms, right));
    Some(extended)
}
