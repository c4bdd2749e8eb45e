//! From the parts of one series, wherever they lie, to one column of samples.
//!
//! A source is a run of parts in time order without overlap: the chunks of one block, the in-order chunks of the
//! head, its late samples. Sources may overlap; where two have the same timestamp the earlier source wins, so that
//! what was once shown does not change. Cost: decoding alone where nothing overlaps, one merge a source where it does.

use std::ops::Range;
use std::sync::Arc;

use model::metrics::Samples;

use crate::bytes::Malformed;
use crate::chunk;

/// Samples of one series that lie together.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// A compressed chunk within a shared buffer.
    Chunk {
        buffer: Arc<[u8]>,
        range: Range<usize>,
        min_ms: i64,
        max_ms: i64,
    },
    /// Samples as they are, at least one.
    Raw(Samples),
}

impl Part {
    /// The first and last timestamp.
    pub(crate) fn span(&self) -> (i64, i64) {
        match self {
            Part::Chunk { min_ms, max_ms, .. } => (*min_ms, *max_ms),
            Part::Raw(samples) => (
                samples.timestamps.first().copied().unwrap_or(i64::MAX),
                samples.timestamps.last().copied().unwrap_or(i64::MIN),
            ),
        }
    }

    fn decode(&self, start_ms: i64, end_ms: i64, out: &mut Samples) -> Result<(), Malformed> {
        match self {
            Part::Chunk { buffer, range, .. } => {
                let bytes = buffer.get(range.clone()).ok_or(Malformed)?;
                chunk::decode_into(bytes, usize::MAX, start_ms, end_ms, out)
            }
            Part::Raw(samples) => {
                let from = samples.timestamps.partition_point(|&t| t < start_ms);
                let to = samples.timestamps.partition_point(|&t| t <= end_ms).max(from);
                out.timestamps.extend_from_slice(&samples.timestamps[from..to]);
                out.values.extend_from_slice(&samples.values[from..to]);
                Ok(())
            }
        }
    }
}

/// Whether no two parts of all sources overlap, so that they can simply follow one another by start.
pub(crate) fn in_sequence(sources: &[Vec<Part>]) -> Option<Vec<&Part>> {
    let mut parts: Vec<&Part> = sources.iter().flatten().collect();
    parts.sort_by_key(|p| p.span().0);
    let apart = parts
        .iter()
        .zip(parts.iter().skip(1))
        .all(|(a, b)| a.span().1 < b.span().0);
    apart.then_some(parts)
}

/// Appends to `out` (which must be empty) the samples from `start_ms` to `end_ms`.
pub(crate) fn read(
    sources: &[Vec<Part>],
    start_ms: i64,
    end_ms: i64,
    out: &mut Samples,
) -> Result<(), Malformed> {
    if let Some(parts) = in_sequence(sources) {
        return parts
            .into_iter()
            .try_for_each(|part| part.decode(start_ms, end_ms, out));
    }
    let mut next = Samples::default();
    for source in sources {
        next.clear();
        for part in source {
            part.decode(start_ms, end_ms, &mut next)?;
        }
        *out = merge(out, &next);
    }
    Ok(())
}

/// Both columns as one; where both have a timestamp `first` wins.
fn merge(first: &Samples, second: &Samples) -> Samples {
    let mut out = Samples::default();
    out.timestamps.reserve(first.len() + second.len());
    out.values.reserve(first.len() + second.len());
    let (mut a, mut b) = (first.iter().peekable(), second.iter().peekable());
    loop {
        let sample = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.timestamp_ms == y.timestamp_ms => {
                b.next();
                a.next()
            }
            (Some(x), Some(y)) if x.timestamp_ms > y.timestamp_ms => b.next(),
            (Some(_), _) => a.next(),
            (None, _) => b.next(),
        };
        match sample {
            Some(sample) => out.push(sample.timestamp_ms, sample.value),
            None => return out,
        }
    }
}

/// Whether there is any sample from `start_ms` to `end_ms`; decodes only where the parts' spans leave it open.
pub(crate) fn any(sources: &[Vec<Part>], start_ms: i64, end_ms: i64) -> Result<bool, Malformed> {
    let mut scratch = Samples::default();
    for part in sources.iter().flatten() {
        let (min_ms, max_ms) = part.span();
        if max_ms < start_ms || min_ms > end_ms {
            continue;
        }
        if min_ms >= start_ms || max_ms <= end_ms {
            return Ok(true);
        }
        part.decode(start_ms, end_ms, &mut scratch)?;
        if !scratch.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pairs: &[(i64, f64)]) -> Part {
        let (timestamps, values) = pairs.iter().copied().unzip();
        Part::Raw(Samples { timestamps, values })
    }

    fn chunk_of(pairs: &[(i64, f64)]) -> Part {
        let (timestamps, values): (Vec<i64>, Vec<f64>) = pairs.iter().copied().unzip();
        let buffer: Arc<[u8]> = chunk::encode(&timestamps, &values).into();
        let (min_ms, max_ms) = (timestamps[0], timestamps[timestamps.len() - 1]);
        Part::Chunk {
            range: 0..buffer.len(),
            buffer,
            min_ms,
            max_ms,
        }
    }

    #[test]
    fn the_earlier_source_wins_and_order_is_by_time() {
        let sources = [
            vec![chunk_of(&[(1, 1.0), (5, 5.0)]), chunk_of(&[(9, 9.0)])],
            vec![raw(&[(0, 0.0), (5, -5.0), (7, 7.0), (10, 10.0)])],
        ];
        let mut out = Samples::default();
        read(&sources, 1, 9, &mut out).unwrap();
        assert_eq!(out.timestamps, [1, 5, 7, 9]);
        assert_eq!(out.values, [1.0, 5.0, 7.0, 9.0]);
    }

    #[test]
    fn a_gap_inside_a_chunk_is_no_sample() {
        let sources = [vec![chunk_of(&[(0, 1.0), (100, 1.0)])]];
        assert!(!any(&sources, 40, 60).unwrap());
        assert!(any(&sources, 100, 100).unwrap());
        assert!(any(&sources, -5, 0).unwrap());
        assert!(!any(&sources, 101, 200).unwrap());
    }
}
