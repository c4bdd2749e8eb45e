//! The first pass over a request: the key of each series, and its samples. No text is looked at.

use std::ops::Range;

use model::SeriesKey;
use model::metrics::{Metadata, RefSample, SeriesRef};

use super::super::PushError;
use super::super::wire::{Message, WireError};
use super::{MAX_SAMPLES, labels, malformed, metadata};

/// `labels` and `samples` of `TimeSeries`: fields of wire type 2.
const LABELS: u8 = 1 << 3 | 2;
const SAMPLES: u8 = 2 << 3 | 2;
/// `value` (a double) and `timestamp` (a varint) of `Sample`.
const VALUE: u8 = 1 << 3 | 1;
const TIMESTAMP: u8 = 2 << 3;

/// A series of a request that has samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Where its message lies in the request.
    start: u32,
    end: u32,
    /// Its samples among those of the request.
    first: u32,
    count: u32,
}

impl Span {
    pub(super) fn message<'a>(&self, plain: &'a [u8]) -> Message<'a> {
        Message::new(
            plain
                .get(self.start as usize..self.end as usize)
                .unwrap_or_default(),
        )
    }

    pub(super) fn samples(&self) -> Range<usize> {
        self.first as usize..self.first as usize + self.count as usize
    }
}

/// What a request consists of.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The series that have samples.
    pub(super) spans: Vec<Span>,
    /// The key of each, over the bytes of its labels as they were sent.
    pub(super) keys: Vec<SeriesKey>,
    /// All samples, series by series; their handles are not known yet.
    pub(super) samples: Vec<RefSample>,
    pub(super) metadata: Vec<(String, Metadata)>,
    /// Where the messages of the series lie that have exemplars or histograms.
    pub(super) beside: Vec<Range<u32>>,
    /// What is wrong with a series that has no samples.
    pub(super) invalid: Option<String>,
}

impl Walk {
    /// Reads a request in place of the one before.
    pub(super) fn read(&mut self, plain: &[u8]) -> Result<(), PushError> {
        self.clear();
        // Places in the request are kept as 32 bits.
        if u32::try_from(plain.len()).is_err() {
            return Err(PushError::too_many_bytes(u32::MAX as usize));
        }
        let mut request = Message::new(plain);
        while let Some(key) = request.peek() {
            if key == LABELS {
                // `timeseries` has the number that `labels` has one level below.
                let message = request.peeked_bytes().map_err(malformed)?;
                let end = plain.len() - request.remaining();
                self.series(message, end)?;
                continue;
            }
            let Some(field) = request.next() else { break };
            let field = field.map_err(malformed)?;
            match field.number {
                1 => {
                    let message = field.bytes().map_err(malformed)?;
                    self.series(message, plain.len() - request.remaining())?;
                }
                3 => match metadata::read(field.message().map_err(malformed)?) {
                    // No sample depends on a family's description.
                    Err(WireError::Utf8(_)) => {}
                    read => self.metadata.extend(read.map_err(malformed)?),
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.spans.clear();
        self.keys.clear();
        self.samples.clear();
        self.metadata.clear();
        self.beside.clear();
        self.invalid = None;
    }

    /// `TimeSeries`: labels 1, samples 2, exemplars 3, histograms 4. `end` is where the message ends in the request.
    fn series(&mut self, message: &[u8], end: usize) -> Result<(), PushError> {
        let first = self.samples.len();
        let mut rest = Message::new(message.get(short_labels(message)..).unwrap_or_default());
        while rest.peek() == Some(LABELS) {
            rest.peeked_bytes().map_err(malformed)?;
        }
        let mut encoded = message
            .get(..message.len() - rest.remaining())
            .unwrap_or_default();
        while rest.peek() == Some(SAMPLES) {
            let bytes = rest.peeked_bytes().map_err(malformed)?;
            self.sample(bytes)?;
        }
        let mut beside = false;
        for field in rest {
            let field = field.map_err(malformed)?;
            match field.number {
                // Labels that are not one piece in front: this key is no series', and the labels are read.
                1 => encoded = message,
                2 => self.sample(field.bytes().map_err(malformed)?)?,
                3 | 4 => beside = true,
                _ => {}
            }
        }
        // All places are bounded: the request by 32 bits, the samples by `MAX_SAMPLES`.
        let (start, end) = ((end - message.len()) as u32, end as u32);
        if beside {
            self.beside.push(start..end);
        }
        let count = self.samples.len() - first;
        if count == 0 {
            return self.without_samples(message);
        }
        self.keys.push(SeriesKey::of_encoded(encoded));
        self.spans.push(Span {
            start,
            end,
            first: first as u32,
            count: count as u32,
        });
        Ok(())
    }

    /// Nothing is stored of such a series, but its labels must be valid all the same.
    fn without_samples(&mut self, message: &[u8]) -> Result<(), PushError> {
        if self.invalid.is_none() {
            self.invalid = labels::read(Message::new(message), &mut Vec::new())
                .map_err(malformed)?
                .err();
        }
        Ok(())
    }

    fn sample(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        if self.samples.len() >= MAX_SAMPLES {
            return Err(PushError::TooLarge {
                limit: MAX_SAMPLES as u64,
                unit: "samples",
            });
        }
        let (timestamp_ms, value) = sample(bytes).map_err(malformed)?;
        self.samples.push(RefSample {
            series: SeriesRef::UNKNOWN,
            timestamp_ms,
            value,
        });
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
            + self.keys.capacity() * size_of::<SeriesKey>()
            + self.samples.capacity() * size_of::<RefSample>()
            + self.beside.capacity() * size_of::<Range<u32>>()
    }
}

/// How many bytes the labels in front of a message take, as far as they are shorter than 128 bytes each.
fn short_labels(message: &[u8]) -> usize {
    let mut at = 0;
    while let Some([LABELS, len @ 0..0x80, rest @ ..]) = message.get(at..)
        && usize::from(*len) <= rest.len()
    {
        at += 2 + usize::from(*len);
    }
    at
}

/// `Sample`: value 1, timestamp 2, each left out where it is 0.
fn sample(bytes: &[u8]) -> Result<(i64, f64), WireError> {
    let mut value = 0.0;
    let mut rest = bytes;
    if let Some((&VALUE, tail)) = rest.split_first()
        && let Some((bits, tail)) = tail.split_first_chunk()
    {
        (value, rest) = (f64::from_le_bytes(*bits), tail);
    }
    if let Some((&TIMESTAMP, tail)) = rest.split_first() {
        let mut tail = Message::new(tail);
        let timestamp_ms = tail.varint()?.cast_signed();
        if tail.remaining() == 0 {
            return Ok((timestamp_ms, value));
        }
    }
    let mut timestamp_ms = 0;
    value = 0.0;
    for field in Message::new(bytes) {
        let field = field?;
        match field.number {
            1 => value = field.double()?,
            2 => timestamp_ms = field.int64()?,
            _ => {}
        }
    }
    Ok((timestamp_ms, value))
}
