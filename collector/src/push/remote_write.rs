//! Prometheus remote write 1.0: a `prometheus.WriteRequest` as protobuf, walked in place.
//!
//! The sender packs it with snappy; [`super::body`] undoes that. Specification:
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>. As in Prometheus' receiver, a series with
//! invalid labels is left out and named, the others are taken, and the answer is 400 all the same. Costs one
//! label set a series; samples of one series share it.

#[allow(dead_code)] // until requests hand on what it reads
mod exemplar;
#[allow(dead_code)] // until requests hand on what it reads
mod histogram;

use model::Labels;
use model::labels::METRIC_NAME;
use model::metrics::{Metadata, MetricRow, MetricType, Sample, SeriesRef};

use super::PushError;
use super::wire::{Field, Message, WireError};

/// More labels than this on one series are refused.
pub const MAX_LABELS: usize = 256;
/// More samples than this in one request are refused; senders batch thousands.
pub const MAX_SAMPLES: usize = 1_000_000;

const WHAT: &str = "remote write request";

/// The content of one request.
#[derive(Debug, Clone, Default)]
pub struct WriteRequest {
    /// The samples, series by series, in the order sent.
    pub rows: Vec<MetricRow>,
    /// What metric families say of themselves.
    pub metadata: Vec<(String, Metadata)>,
    /// Exemplars that were stepped over.
    pub exemplars_skipped: u64,
    /// Native histograms that were stepped over: no store takes them yet.
    pub histograms_skipped: u64,
    /// Samples left out because the labels of their series are invalid.
    pub samples_invalid: u64,
    /// What is wrong with the first series that was left out; where present, the answer is 400.
    pub invalid: Option<String>,
}

/// Checks the `Content-Type` header: version 1.0 of the protocol, said or left unsaid.
///
/// # Errors
/// [`PushError::Unsupported`] for version 2.0 (senders fall back when they get 415) and everything else.
pub fn check_content_type(value: Option<&str>) -> Result<(), PushError> {
    let mut parts = value
        .unwrap_or("application/x-protobuf")
        .split(';')
        .map(str::trim);
    let protobuf = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/x-protobuf"));
    let mut messages = parts.filter_map(|parameter| parameter.strip_prefix("proto="));
    if protobuf && messages.all(|message| message == "prometheus.WriteRequest") {
        return Ok(());
    }
    let what = format!(
        "content type {:?}; supported: application/x-protobuf;proto=prometheus.WriteRequest",
        value.unwrap_or("")
    );
    Err(PushError::Unsupported { what })
}

/// Reads a request, its compression already undone.
///
/// # Errors
/// [`PushError::Malformed`] where the bytes are no such message, [`PushError::TooLarge`] beyond
/// [`MAX_SAMPLES`].
pub fn decode(bytes: &[u8]) -> Result<WriteRequest, PushError> {
    let malformed = |e: WireError| PushError::malformed(WHAT, &e);
    let mut request = WriteRequest::default();
    for field in Message::new(bytes) {
        let field = field.map_err(malformed)?;
        match field.number {
            1 => series(&mut request, field.message().map_err(malformed)?)?,
            3 => match metadata(field.message().map_err(malformed)?) {
                // No sample depends on a family's description.
                Err(WireError::Utf8(_)) => {}
                read => request.metadata.extend(read.map_err(malformed)?),
            },
            _ => {}
        }
    }
    Ok(request)
}

/// `TimeSeries`: labels 1, samples 2, exemplars 3, histograms 4.
fn series(request: &mut WriteRequest, message: Message<'_>) -> Result<(), PushError> {
    let malformed = |e: WireError| PushError::malformed(WHAT, &e);
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut not_text = None;
    let first = request.rows.len();
    for field in message {
        let field = field.map_err(malformed)?;
        match field.number {
            // One pair beyond the bound is kept, as evidence for `labels`.
            1 if pairs.len() <= MAX_LABELS => match pair(&field) {
                Err(e @ WireError::Utf8(_)) => {
                    not_text.get_or_insert_with(|| format!("invalid metric name or labels: {e}"));
                }
                pair => pairs.push(pair.map_err(malformed)?),
            },
            2 => {
                if request.rows.len() >= MAX_SAMPLES {
                    return Err(PushError::TooLarge {
                        limit: MAX_SAMPLES as u64,
                        unit: "samples",
                    });
                }
                let sample = sample(&field).map_err(malformed)?;
                request.rows.push(MetricRow {
                    series: SeriesRef::UNKNOWN,
                    labels: Labels::empty(),
                    sample,
                });
            }
            3 => request.exemplars_skipped += 1,
            4 => request.histograms_skipped += 1,
            _ => {}
        }
    }
    // The labels may come after the samples on the wire, so they are filled in at the end.
    match not_text.map_or_else(|| labels(&mut pairs), Err) {
        Ok(labels) => {
            for row in request.rows.iter_mut().skip(first) {
                row.labels = labels.clone();
            }
        }
        Err(why) => {
            request.samples_invalid += (request.rows.len() - first) as u64;
            request.rows.truncate(first);
            request.invalid.get_or_insert(why);
        }
    }
    Ok(())
}

/// `Label`, and any other message of name 1 and value 2.
pub(super) fn pair<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), WireError> {
    let (mut name, mut value) = ("", "");
    for field in field.message()? {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// `Sample`: value 1, timestamp 2.
fn sample(field: &Field<'_>) -> Result<Sample, WireError> {
    let mut sample = Sample {
        timestamp_ms: 0,
        value: 0.0,
    };
    for field in field.message()? {
        let field = field?;
        match field.number {
            1 => sample.value = field.double()?,
            2 => sample.timestamp_ms = field.int64()?,
            _ => {}
        }
    }
    Ok(sample)
}

/// The rules of Prometheus' receiver: a metric name, no empty and no repeated label names. Order is mended.
fn labels(pairs: &mut [(&str, &str)]) -> Result<Labels, String> {
    if pairs.len() > MAX_LABELS {
        return Err(format!(
            "invalid labels for series: more than {MAX_LABELS} labels"
        ));
    }
    pairs.sort_unstable_by_key(|(name, _)| *name);
    let shown = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).to_string();
    if !pairs
        .iter()
        .any(|(name, value)| *name == METRIC_NAME && !value.is_empty())
        || pairs.iter().any(|(name, _)| name.is_empty())
    {
        return Err(format!("invalid metric name or labels, got {}", shown(pairs)));
    }
    let twice = pairs.windows(2).find_map(|two| match two {
        [(one, _), (other, _)] if one == other => Some(*one),
        _ => None,
    });
    match twice {
        Some(name) => Err(format!(
            "invalid labels for series, labels {}, duplicated label {name}",
            shown(pairs)
        )),
        None => Ok(Labels::from_pairs(pairs.iter().copied())),
    }
}

/// `MetricMetadata`: type 1, family name 2, help 4, unit 5.
fn metadata(message: Message<'_>) -> Result<Option<(String, Metadata)>, WireError> {
    let mut family = "";
    let mut metadata = Metadata::default();
    for field in message {
        let field = field?;
        match field.number {
            1 => metadata.metric_type = metric_type(field.int64()?),
            2 => family = field.text()?,
            4 => field.text()?.clone_into(&mut metadata.help),
            5 => field.text()?.clone_into(&mut metadata.unit),
            _ => {}
        }
    }
    Ok((!family.is_empty()).then(|| (family.to_owned(), metadata)))
}

/// The numbers of `MetricMetadata.MetricType`.
fn metric_type(number: i64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

#[cfg(test)]
mod tests;
