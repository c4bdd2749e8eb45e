//! Samples into chunks, for those who read Prometheus' chunks from us: the form that a remote read streams.
//!
//! A chunk holds samples of one kind, and histograms of one layout. One pass over the columns; what is decoded again is
//! bit for bit what was encoded, but for reset hints, which stand as a chunk says them: of its first histogram, with none
//! of the others a reset.

mod bits;
mod histogram;
mod xor;

use model::Histogram;
use model::histogram::{Buckets, Counts, HistogramSample};
use model::metrics::{Sample, Samples};

use super::Encoding;
use histogram::{FloatRow, HistogramChunk, WholeRow};
use xor::XorChunk;

/// Samples in one chunk at most: what Prometheus' own chunks hold.
const MAX_SAMPLES: usize = 120;

/// Histograms take more room.
const MAX_HISTOGRAMS: usize = 60;

/// One encoded chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedChunk {
    /// What [`data`](Self::data) holds.
    pub encoding: Encoding,
    /// The time of the first sample, milliseconds since the epoch.
    pub min_ms: i64,
    /// The time of the last sample.
    pub max_ms: i64,
    /// The chunk as Prometheus has it in memory, without length and checksum.
    pub data: Vec<u8>,
}

/// The samples as chunks in the order of their times. Starts are left out.
pub fn encode(samples: &Samples) -> Vec<EncodedChunk> {
    let mut chunks = Vec::new();
    let (mut floats, mut histograms) = (samples.iter().peekable(), samples.histograms.as_slice());
    while let Some(first) = floats.peek().map(|s| s.timestamp_ms) {
        let before = histograms.partition_point(|(ms, _)| *ms <= first);
        let (now, later) = histograms.split_at(before);
        of_histograms(now, &mut chunks);
        histograms = later;
        let until = later.first().map(|(ms, _)| *ms);
        let fits = |s: &Sample| until.is_none_or(|until| s.timestamp_ms < until);
        let mut chunk = XorChunk::default();
        while chunk.len() < MAX_SAMPLES
            && let Some(sample) = floats.next_if(fits)
        {
            chunk.push(sample.timestamp_ms, sample.value);
        }
        chunks.push(chunk.finish());
    }
    of_histograms(histograms, &mut chunks);
    chunks
}

/// Runs of histograms that can share a chunk.
fn of_histograms(mut rows: &[HistogramSample], chunks: &mut Vec<EncodedChunk>) {
    while let Some((_, first)) = rows.first() {
        let follows = |pair: &[HistogramSample]| match pair {
            [(_, before), (_, next)] => shares_chunk(before, next),
            _ => false,
        };
        let run = 1 + rows
            .windows(2)
            .take(MAX_HISTOGRAMS - 1)
            .take_while(|pair| follows(pair))
            .count();
        let (now, later) = rows.split_at(run.min(rows.len()));
        chunks.push(match first.counts {
            Counts::Integer(_) => HistogramChunk::<WholeRow>::encode(now),
            Counts::Float(_) => HistogramChunk::<FloatRow>::encode(now),
        });
        rows = later;
    }
}

/// Whether `next` can stand behind `before` in a chunk, where it counts as no reset.
fn shares_chunk(before: &Histogram, next: &Histogram) -> bool {
    use model::histogram::CounterResetHint::{Gauge, NoReset, Reset, Unknown};
    if before.is_stale() || next.is_stale() || !before.same_layout(next) {
        return false;
    }
    match (before.reset_hint, next.reset_hint) {
        (Gauge, Gauge) => true,
        (Gauge, _) | (_, Gauge | Reset) => false,
        (_, NoReset) => true,
        (_, Unknown) => grew(before, next),
    }
}

/// Whether no count of `next` is below that of `before`, which has the same layout.
fn grew(before: &Histogram, next: &Histogram) -> bool {
    fn all<T: PartialOrd>(before: &Buckets<T>, next: &Buckets<T>) -> bool {
        let buckets = |one: &[T], two: &[T]| one.iter().zip(two).all(|(one, two)| one <= two);
        before.count <= next.count
            && before.zero_count <= next.zero_count
            && buckets(&before.positive, &next.positive)
            && buckets(&before.negative, &next.negative)
    }
    match (&before.counts, &next.counts) {
        (Counts::Integer(before), Counts::Integer(next)) => all(before, next),
        (Counts::Float(before), Counts::Float(next)) => all(before, next),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
