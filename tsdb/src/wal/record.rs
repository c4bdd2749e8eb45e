//! The records of the write-ahead log, encode and decode side by side. Drawn in docs/format/wal.md.

use model::Labels;

use crate::bytes::{Cursor, Malformed, put_signed, put_text, put_varint};

/// Frame kind: series refs with their labels.
pub(super) const SERIES: u8 = 1;
/// Frame kind: a batch of samples.
pub(super) const SAMPLES: u8 = 2;

/// One sample as it is logged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LoggedSample {
    /// The series, introduced by a series record.
    pub(crate) series: u64,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
}

/// A record read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// Series refs with their labels.
    Series(Vec<(u64, Labels)>),
    /// The samples of one batch.
    Samples {
        /// The batch's number; numbers only grow.
        batch: u64,
        samples: Vec<LoggedSample>,
    },
}

impl Record {
    pub(crate) fn decode(kind: u8, payload: &[u8]) -> Result<Record, Malformed> {
        let mut cursor = Cursor::new(payload);
        match kind {
            SERIES => decode_series(&mut cursor).map(Record::Series),
            SAMPLES => decode_samples(&mut cursor),
            _ => Err(Malformed),
        }
    }
}

/// Appends one series to a series record: ref, number of labels, names and values.
pub(super) fn encode_series(series: u64, labels: &Labels, out: &mut Vec<u8>) {
    put_varint(out, series);
    put_varint(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

fn decode_series(cursor: &mut Cursor<'_>) -> Result<Vec<(u64, Labels)>, Malformed> {
    let mut series = Vec::new();
    while !cursor.is_empty() {
        let id = cursor.varint()?;
        let count = cursor.count()?;
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            pairs.push((cursor.text()?, cursor.text()?));
        }
        series.push((id, Labels::from_pairs(pairs)));
    }
    Ok(series)
}

/// A samples record: batch number, count, then a column of refs, one of times (both as differences from the one
/// before) and one of values.
pub(super) fn encode_samples(batch: u64, samples: &[LoggedSample]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + samples.len() * 11);
    put_varint(&mut out, batch);
    put_varint(&mut out, samples.len() as u64);
    let mut before = 0u64;
    for sample in samples {
        put_signed(&mut out, sample.series.wrapping_sub(before) as i64);
        before = sample.series;
    }
    let mut before = 0i64;
    for sample in samples {
        put_signed(&mut out, sample.timestamp_ms.wrapping_sub(before));
        before = sample.timestamp_ms;
    }
    for sample in samples {
        out.extend_from_slice(&sample.value.to_bits().to_le_bytes());
    }
    out
}

fn decode_samples(cursor: &mut Cursor<'_>) -> Result<Record, Malformed> {
    let batch = cursor.varint()?;
    let count = cursor.count()?;
    let mut samples = Vec::with_capacity(count);
    let mut series = 0u64;
    for _ in 0..count {
        series = series.wrapping_add(cursor.signed()? as u64);
        samples.push(LoggedSample {
            series,
            timestamp_ms: 0,
            value: 0.0,
        });
    }
    let mut timestamp_ms = 0i64;
    for sample in &mut samples {
        timestamp_ms = timestamp_ms.wrapping_add(cursor.signed()?);
        sample.timestamp_ms = timestamp_ms;
    }
    for sample in &mut samples {
        sample.value = f64::from_bits(cursor.u64_le()?);
    }
    if cursor.is_empty() {
        Ok(Record::Samples { batch, samples })
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn records_survive_the_round_trip_and_no_mutation_panics() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "ä")]);
        let mut series = Vec::new();
        encode_series(u64::MAX, &labels, &mut series);
        encode_series(1, &Labels::empty(), &mut series);
        let expected = Record::Series(vec![(u64::MAX, labels), (1, Labels::empty())]);
        assert_eq!(Record::decode(SERIES, &series), Ok(expected));
        let samples: Vec<LoggedSample> = (0..50)
            .map(|i| LoggedSample {
                series: 1 << i,
                timestamp_ms: i64::MIN >> i,
                value: i as f64,
            })
            .collect();
        let bytes = encode_samples(9, &samples);
        assert_eq!(
            Record::decode(SAMPLES, &bytes),
            Ok(Record::Samples { batch: 9, samples })
        );
        let mut random = Random::new(4);
        for (kind, good) in [(SERIES, series), (SAMPLES, bytes)] {
            for _ in 0..5000 {
                let mut bad = good.clone();
                let at = random.below(bad.len() as u64) as usize;
                bad[at] = random.next() as u8;
                bad.truncate(1 + random.below(bad.len() as u64) as usize);
                let _ = Record::decode(kind, &bad);
            }
        }
    }
}
