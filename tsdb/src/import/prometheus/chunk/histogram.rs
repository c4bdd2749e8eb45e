//! Chunks of native histograms: one layout of buckets for all, then a row of numbers a sample.
//!
//! Whole counts are written as delta of delta, floats as XOR with the same number of the sample before. Buckets of
//! whole counts are differences to the bucket beside them, which become absolute here.

use std::sync::Arc;

use model::Histogram;
use model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Counts, MAX_BUCKETS, MAX_SPANS, Span,
};
use model::metrics::{Samples, is_stale_nan};

use super::bits::Bits;
use super::starts::StartReader;
use super::xor::Xor;
use crate::bytes::Malformed;

/// Numbers that one chunk may decode to, over all its samples. Prometheus ends a chunk at a kilobyte or after ten
/// samples, far below this.
const MAX_CHUNK_NUMBERS: usize = 1 << 22;

/// A number of a row as it goes on from sample to sample.
pub(super) trait Column: Sized + Clone {
    /// The bucket of a first row, whose count and zero count are written by `first_count`.
    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Malformed>;
    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Malformed>;
    /// Goes on in row `row`, counted from 0.
    fn advance(&mut self, row: u16, bits: &mut Bits<'_>) -> Result<(), Malformed>;
    fn counts(row: &Row<Self>) -> Result<Counts, Malformed>;
}

/// All numbers of one sample but its time and sum.
pub(super) struct Row<C> {
    count: C,
    zero_count: C,
    positive: Vec<C>,
    negative: Vec<C>,
}

/// A whole number and how much it grew last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    value: i64,
    delta: i64,
}

impl Column for Whole {
    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        bits.varbit_int().map(|value| Whole { value, delta: 0 })
    }

    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        let value = bits.varbit_uint()? as i64;
        Ok(Whole { value, delta: 0 })
    }

    fn advance(&mut self, row: u16, bits: &mut Bits<'_>) -> Result<(), Malformed> {
        let change = bits.varbit_int()?;
        self.delta = if row == 1 {
            change
        } else {
            self.delta.wrapping_add(change)
        };
        self.value = self.value.wrapping_add(self.delta);
        Ok(())
    }

    fn counts(row: &Row<Self>) -> Result<Counts, Malformed> {
        Ok(Counts::Integer(Buckets {
            count: row.count.value as u64,
            zero_count: row.zero_count.value as u64,
            positive: absolute(row.positive.iter().map(|c| c.value))?,
            negative: absolute(row.negative.iter().map(|c| c.value))?,
        }))
    }
}

impl Column for Xor {
    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        Xor::first(bits)
    }

    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Malformed> {
        Xor::first(bits)
    }

    fn advance(&mut self, _: u16, bits: &mut Bits<'_>) -> Result<(), Malformed> {
        self.next(bits).map(drop)
    }

    fn counts(row: &Row<Self>) -> Result<Counts, Malformed> {
        let values = |columns: &[Xor]| columns.iter().map(|c| c.value()).collect();
        Ok(Counts::Float(Buckets {
            count: row.count.value(),
            zero_count: row.zero_count.value(),
            positive: values(&row.positive),
            negative: values(&row.negative),
        }))
    }
}

/// Counts from differences to the bucket before.
pub(crate) fn absolute(differences: impl Iterator<Item = i64>) -> Result<Vec<u64>, Malformed> {
    let mut at = 0i64;
    let absolute = differences.map(|difference| {
        at = at.wrapping_add(difference);
        u64::try_from(at).map_err(|_| Malformed)
    });
    absolute.collect()
}

/// What is in front of a chunk's layout, in two forms.
struct Head {
    count: u16,
    /// What is known of a reset before the first sample, in the upper two bits.
    flags: u8,
    starts: Option<StartReader>,
}

impl Head {
    fn read(head: [u8; 3], with_starts: bool) -> Head {
        let [high, low, flags] = head;
        match with_starts {
            false => Head {
                count: u16::from_be_bytes([high, low]),
                flags,
                starts: None,
            },
            true => Head {
                count: u16::from_be_bytes([high & 0x3f, low]),
                flags: high,
                starts: Some(StartReader::new(flags)),
            },
        }
    }
}

pub(super) fn decode<C: Column>(data: &[u8], with_starts: bool, out: &mut Samples) -> Result<(), Malformed> {
    let (head, data) = data.split_first_chunk::<3>().ok_or(Malformed)?;
    let Head {
        count,
        flags,
        mut starts,
    } = Head::read(*head, with_starts);
    if count == 0 {
        return Ok(());
    }
    let mut bits = Bits::new(data);
    let layout = Layout::read(&mut bits)?;
    let (positive, negative) = (buckets(&layout.positive)?, buckets(&layout.negative)?);
    let numbers = positive + negative + layout.positive.len() + layout.negative.len() + layout.custom.len();
    if numbers > bits.left() || numbers * usize::from(count) > MAX_CHUNK_NUMBERS {
        return Err(Malformed);
    }
    let mut time = bits.varbit_int()?;
    let (first, zero) = (C::first_count(&mut bits)?, C::first_count(&mut bits)?);
    let mut sum = Xor::first(&mut bits)?;
    let columns = |bits: &mut Bits<'_>, n: usize| {
        (0..n)
            .map(|_| C::first_bucket(bits))
            .collect::<Result<Vec<C>, _>>()
    };
    let mut row = Row {
        count: first,
        zero_count: zero,
        positive: columns(&mut bits, positive)?,
        negative: columns(&mut bits, negative)?,
    };
    let mut delta = 0i64;
    for i in 0..count {
        let before = time;
        let mut stale = is_stale_nan(sum.value());
        if i > 0 {
            delta = match i {
                1 => bits.varbit_uint()? as i64,
                _ => delta.wrapping_add(bits.varbit_int()?),
            };
            time = time.wrapping_add(delta);
            row.count.advance(i, &mut bits)?;
            row.zero_count.advance(i, &mut bits)?;
            stale = is_stale_nan(sum.next(&mut bits)?);
            // A staleness marker has no buckets.
            if !stale {
                for column in row.positive.iter_mut().chain(&mut row.negative) {
                    column.advance(i, &mut bits)?;
                }
            }
        }
        if let Some(starts) = &mut starts {
            let start = starts.next(&mut bits, i, time, before)?;
            out.starts.push(time, start);
        }
        let histogram = match stale {
            true => Histogram::stale(),
            false => Histogram {
                schema: layout.schema,
                reset_hint: reset_hint(flags, i),
                zero_threshold: layout.zero_threshold,
                sum: sum.value(),
                positive_spans: layout.positive.clone(),
                negative_spans: layout.negative.clone(),
                custom_values: layout.custom.clone(),
                counts: C::counts(&row)?,
            },
        };
        out.histograms.push((time, Arc::new(histogram)));
    }
    Ok(())
}

/// The chunk's flags speak of its first sample; within a chunk there is no reset. That the first is "no reset" holds
/// only against the chunk it was written behind, so it becomes "unknown".
fn reset_hint(flags: u8, row: u16) -> CounterResetHint {
    match flags >> 6 {
        0b11 => CounterResetHint::Gauge,
        _ if row > 0 => CounterResetHint::NoReset,
        0b10 => CounterResetHint::Reset,
        _ => CounterResetHint::Unknown,
    }
}

struct Layout {
    schema: i8,
    zero_threshold: f64,
    positive: Vec<Span>,
    negative: Vec<Span>,
    custom: Vec<f64>,
}

impl Layout {
    fn read(bits: &mut Bits<'_>) -> Result<Layout, Malformed> {
        let zero_threshold = zero_threshold(bits)?;
        let schema = i8::try_from(bits.varbit_int()?).map_err(|_| Malformed)?;
        let (positive, negative) = (spans(bits)?, spans(bits)?);
        let mut custom = Vec::new();
        if schema == CUSTOM_BUCKETS_SCHEMA {
            for _ in 0..bounded(bits.varbit_uint()?, MAX_SPANS)? {
                custom.push(custom_bound(bits)?);
            }
        }
        Ok(Layout {
            schema,
            zero_threshold,
            positive,
            negative,
            custom,
        })
    }
}

/// A power of two takes one byte.
fn zero_threshold(bits: &mut Bits<'_>) -> Result<f64, Malformed> {
    Ok(match bits.bits(8)? as i32 {
        0 => 0.0,
        255 => f64::from_bits(bits.bits(64)?),
        byte => 0.5 * 2f64.powi(byte - 243),
    })
}

/// A bound that is a whole number of thousandths is written as that number plus one.
fn custom_bound(bits: &mut Bits<'_>) -> Result<f64, Malformed> {
    Ok(match bits.varbit_uint()? {
        0 => f64::from_bits(bits.bits(64)?),
        #[allow(clippy::cast_precision_loss)] // at most 25 bits were written
        thousandths => (thousandths - 1) as f64 / 1000.0,
    })
}

fn spans(bits: &mut Bits<'_>) -> Result<Vec<Span>, Malformed> {
    let mut spans = Vec::new();
    for _ in 0..bounded(bits.varbit_uint()?, MAX_SPANS)? {
        spans.push(Span {
            length: u32::try_from(bits.varbit_uint()?).map_err(|_| Malformed)?,
            offset: i32::try_from(bits.varbit_int()?).map_err(|_| Malformed)?,
        });
    }
    Ok(spans)
}

fn buckets(spans: &[Span]) -> Result<usize, Malformed> {
    bounded(spans.iter().map(|s| u64::from(s.length)).sum(), MAX_BUCKETS)
}

fn bounded(number: u64, most: usize) -> Result<usize, Malformed> {
    usize::try_from(number)
        .ok()
        .filter(|n| *n <= most)
        .ok_or(Malformed)
}
