//! Native histograms of one series as bytes: columns like those of floats, with their places said once.
//!
//! A chunk is timestamps and sums as any column of floats has them, the counter-reset hints, and the counts in *runs*:
//! consecutive histograms with the same layout (schema, zero threshold, spans, bounds, kind of counts). Within a run
//! each bucket is a column of whole numbers whose steps are packed into bits; a run goes on where the one before left
//! off, bucket by bucket, so that a bucket that joins costs its own bytes and little more. Every bit comes back: spans
//! that could be written shorter, NaN payloads and hints included. Decoders take any bytes, allocate at most
//! [`MAX_CELLS`] numbers and never panic. Format: docs/format/codec-histogram.md.

mod integers;
mod layout;

use std::sync::Arc;

use model::histogram::{Buckets, CounterResetHint, Counts, Histogram, HistogramSample};

use super::{Effort, Malformed, decode_timestamps, decode_values, encode_timestamps, encode_values};
use crate::bytes::{Cursor, put_signed, put_varint};
use layout::{Layout, Place};

/// Histograms a chunk holds at most.
pub const MAX_CHUNK_HISTOGRAMS: usize = 4096;

/// Numbers (counts, spans, bounds) over all histograms of a chunk at most: what decoding allocates is bounded by it.
pub const MAX_CELLS: usize = 1 << 20;

/// Shorter runs of float counts are written a histogram after the other, longer ones a bucket after the other.
const FLOAT_COLUMNS_FROM: usize = 4;

/// Appends histograms from the front of `samples`, as many as fit one chunk, and gives how many: all of them unless
/// there are thousands or they are huge. At least one is taken where there is one. They must be
/// [valid](Histogram::validate).
pub fn encode_histograms(samples: &[HistogramSample], effort: Effort, out: &mut Vec<u8>) -> usize {
    let taken = chunk_len(samples);
    let samples = samples.get(..taken).unwrap_or(samples);
    let timestamps: Vec<i64> = samples.iter().map(|(at, _)| *at).collect();
    encode_timestamps(&timestamps, out);
    let sums: Vec<f64> = samples.iter().map(|(_, h)| h.sum).collect();
    encode_values(&sums, effort, out);
    for same in samples.chunk_by(|(_, a), (_, b)| a.reset_hint == b.reset_hint) {
        let hint = same.first().map_or(0, |(_, h)| h.reset_hint.as_u8());
        put_varint(out, (same.len() as u64) << 2 | u64::from(hint));
    }
    let mut before = Before::default();
    for run in samples.chunk_by(|(_, a), (_, b)| a.same_layout(b) && !resets(a, b)) {
        before.encode_run(run, effort, out);
    }
    taken
}

/// Appends the `count` histograms encoded at the beginning of `bytes` to `out` and gives how many bytes they took.
///
/// # Errors
/// No encoding of `count` histograms; the length of `out` is as before.
pub fn decode_histograms(
    bytes: &[u8],
    count: usize,
    out: &mut Vec<HistogramSample>,
) -> Result<usize, Malformed> {
    if count > MAX_CHUNK_HISTOGRAMS {
        return Err(Malformed);
    }
    let mut cursor = Cursor::new(bytes);
    let mut timestamps = Vec::new();
    take(&mut cursor, |rest| {
        decode_timestamps(rest, count, &mut timestamps)
    })?;
    let mut sums = Vec::new();
    take(&mut cursor, |rest| decode_values(rest, count, &mut sums))?;
    let hints = decode_hints(&mut cursor, count)?;
    let mut counts: Vec<Histogram> = Vec::with_capacity(count);
    let mut before = Before::default();
    let mut cells_left = MAX_CELLS;
    while counts.len() < count {
        let left = count - counts.len();
        before.decode_run(&mut cursor, left, &mut cells_left, &mut counts)?;
    }
    let columns = timestamps.into_iter().zip(sums).zip(hints).zip(counts);
    out.extend(columns.map(|(((at, sum), reset_hint), histogram)| {
        let whole = Histogram {
            sum,
            reset_hint,
            ..histogram
        };
        (at, Arc::new(whole))
    }));
    Ok(bytes.len() - cursor.rest().len())
}

/// How many from the front one chunk may hold.
fn chunk_len(samples: &[HistogramSample]) -> usize {
    let mut cells = 0;
    let fits = samples.iter().take(MAX_CHUNK_HISTOGRAMS).take_while(|(_, h)| {
        cells += Layout::of(h).cells();
        cells <= MAX_CELLS
    });
    fits.count()
}

/// Whether counting has begun anew, so that steps between the two say nothing of steps elsewhere.
fn resets(a: &Histogram, b: &Histogram) -> bool {
    match (&a.counts, &b.counts) {
        (Counts::Integer(a), Counts::Integer(b)) => b.count < a.count,
        _ => false,
    }
}

fn decode_hints(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<CounterResetHint>, Malformed> {
    let mut hints = Vec::with_capacity(count);
    while hints.len() < count {
        let word = cursor.varint()?;
        let hint = CounterResetHint::from_u8((word & 3) as u8).ok_or(Malformed)?;
        let run = run_len(word >> 2, count - hints.len())?;
        hints.extend(std::iter::repeat_n(hint, run));
    }
    Ok(hints)
}

/// A run's length, which is at least 1 and at most what is left.
fn run_len(len: u64, left: usize) -> Result<usize, Malformed> {
    let len = usize::try_from(len).map_err(|_| Malformed)?;
    (1..=left).contains(&len).then_some(len).ok_or(Malformed)
}

/// Runs a decoder on the rest and steps over what it used.
fn take(
    cursor: &mut Cursor<'_>,
    decode: impl FnOnce(&[u8]) -> Result<usize, Malformed>,
) -> Result<(), Malformed> {
    let used = decode(cursor.rest())?;
    cursor.bytes(used)?;
    Ok(())
}

/// What the run before left: its layout, and the last count in each place. Encoder and decoder keep the same.
#[derive(Default)]
struct Before {
    layout: Option<Layout>,
    last: Vec<(Place, u64)>,
}

impl Before {
    fn encode_run(&mut self, run: &[HistogramSample], effort: Effort, out: &mut Vec<u8>) {
        let Some((_, first)) = run.first() else { return };
        put_varint(out, run.len() as u64);
        let layout = Layout::of(first);
        layout.encode(self.layout.as_ref(), effort, out);
        if layout.float {
            encode_floats(run, &layout, effort, out);
            self.last.clear();
        } else {
            let rows: Vec<Vec<u64>> = run.iter().map(|(_, h)| integer_cells(h)).collect();
            let mut column = Vec::with_capacity(rows.len());
            let mut last = Vec::new();
            for (i, place) in layout.places().enumerate() {
                column.clear();
                column.extend(rows.iter().filter_map(|row| row.get(i)));
                let first = column.first().copied().unwrap_or(0);
                put_signed(out, first.wrapping_sub(self.last_in(place)) as i64);
                integers::encode(&column, out);
                last.push((place, column.last().copied().unwrap_or(0)));
            }
            self.last = last;
        }
        self.layout = Some(layout);
    }

    fn decode_run(
        &mut self,
        cursor: &mut Cursor<'_>,
        left: usize,
        cells_left: &mut usize,
        out: &mut Vec<Histogram>,
    ) -> Result<(), Malformed> {
        let len = run_len(cursor.varint()?, left)?;
        let layout = Layout::decode(self.layout.take(), cursor, *cells_left)?;
        let cells = layout.cells().checked_mul(len).ok_or(Malformed)?;
        *cells_left = cells_left.checked_sub(cells).ok_or(Malformed)?;
        if layout.float {
            self.last.clear();
            decode_floats(cursor, len, &layout, out)?;
        } else {
            let mut columns: Vec<u64> = Vec::with_capacity(layout.columns() * len);
            let mut last = Vec::with_capacity(layout.columns());
            for place in layout.places() {
                let first = self.last_in(place).wrapping_add(cursor.signed()? as u64);
                integers::decode(cursor, first, len, &mut columns)?;
                last.push((place, columns.last().copied().unwrap_or(0)));
            }
            self.last = last;
            out.extend((0..len).map(|row| {
                let cells = columns.iter().skip(row).step_by(len).copied();
                layout.histogram(Counts::Integer(integer_counts(cells, &layout)))
            }));
        }
        self.layout = Some(layout);
        Ok(())
    }

    fn last_in(&self, place: Place) -> u64 {
        let found = self.last.binary_search_by_key(&place, |(place, _)| *place);
        found.ok().and_then(|i| self.last.get(i)).map_or(0, |(_, n)| *n)
    }
}

/// The counts in the order of [`Layout::places`]. Instead of the total there is what it exceeds the buckets by:
/// nothing, but for observations that are NaN.
fn integer_cells(histogram: &Histogram) -> Vec<u64> {
    let Counts::Integer(counts) = &histogram.counts else {
        return Vec::new();
    };
    let buckets = counts.positive.iter().chain(&counts.negative);
    let held = buckets
        .clone()
        .fold(counts.zero_count, |sum, n| sum.wrapping_add(*n));
    let mut cells = vec![counts.count.wrapping_sub(held), counts.zero_count];
    cells.extend(buckets);
    cells
}

fn integer_counts(mut cells: impl Iterator<Item = u64>, layout: &Layout) -> Buckets<u64> {
    let beyond = cells.next().unwrap_or(0);
    let zero_count = cells.next().unwrap_or(0);
    let positive: Vec<u64> = cells.by_ref().take(layout.positive).collect();
    let negative: Vec<u64> = cells.collect();
    let buckets = positive.iter().chain(&negative);
    let held = buckets.fold(zero_count, |sum, n| sum.wrapping_add(*n));
    Buckets {
        count: beyond.wrapping_add(held),
        zero_count,
        positive,
        negative,
    }
}

fn encode_floats(run: &[HistogramSample], layout: &Layout, effort: Effort, out: &mut Vec<u8>) {
    let rows: Vec<Vec<f64>> = run.iter().map(|(_, h)| float_cells(h)).collect();
    if rows.len() < FLOAT_COLUMNS_FROM {
        encode_values(&rows.concat(), effort, out);
        return;
    }
    let mut column = Vec::with_capacity(rows.len());
    for i in 0..layout.columns() {
        column.clear();
        column.extend(rows.iter().filter_map(|row| row.get(i)));
        encode_values(&column, effort, out);
    }
}

fn decode_floats(
    cursor: &mut Cursor<'_>,
    len: usize,
    layout: &Layout,
    out: &mut Vec<Histogram>,
) -> Result<(), Malformed> {
    let columns = layout.columns();
    let mut cells: Vec<f64> = Vec::with_capacity(columns * len);
    let (parts, part, row_step, cell_step) = if len < FLOAT_COLUMNS_FROM {
        (1, columns * len, columns, 1)
    } else {
        (columns, len, 1, len)
    };
    for _ in 0..parts {
        take(cursor, |rest| decode_values(rest, part, &mut cells))?;
    }
    out.extend((0..len).map(|row| {
        let row = cells.iter().skip(row * row_step).step_by(cell_step);
        let mut row = row.take(columns).copied();
        let counts = Buckets {
            count: row.next().unwrap_or(0.0),
            zero_count: row.next().unwrap_or(0.0),
            positive: row.by_ref().take(layout.positive).collect(),
            negative: row.collect(),
        };
        layout.histogram(Counts::Float(counts))
    }));
    Ok(())
}

fn float_cells(histogram: &Histogram) -> Vec<f64> {
    let Counts::Float(counts) = &histogram.counts else {
        return Vec::new();
    };
    let mut cells = vec![counts.count, counts.zero_count];
    cells.extend(counts.positive.iter().chain(&counts.negative));
    cells
}

#[cfg(test)]
mod tests;
