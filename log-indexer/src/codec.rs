//! The bytes of numbers, texts, labels and what belongs to a line, shared by the write-ahead log and the blocks.
//!
//! Numbers are LEB128 varints, signed ones zigzag; texts carry their length. A [`Reader`] never panics and never
//! allocates more than it was given bytes: it gives `None` where bytes are missing or make no sense.

use model::Labels;
use model::spans::{SpanId, TraceId};

const HAS_TRACE: u8 = 1;
const HAS_SPAN: u8 = 2;
const HAS_METADATA: u8 = 4;

/// What belongs to a line besides its time and text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    pub(crate) metadata: Labels,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
}

pub(crate) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(crate) fn put_i64(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u64(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_u64(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_bytes(out, name.as_bytes());
        put_bytes(out, value.as_bytes());
    }
}

/// Nothing at all for a line without extras, which most are.
pub(crate) fn put_extras(out: &mut Vec<u8>, metadata: &Labels, trace: Option<TraceId>, span: Option<SpanId>) {
    let flags = u8::from(trace.is_some()) * HAS_TRACE
        + u8::from(span.is_some()) * HAS_SPAN
        + u8::from(!metadata.is_empty()) * HAS_METADATA;
    if flags == 0 {
        return;
    }
    out.push(flags);
    if let Some(TraceId(id)) = trace {
        out.extend_from_slice(&id.to_le_bytes());
    }
    if let Some(SpanId(id)) = span {
        out.extend_from_slice(&id.to_le_bytes());
    }
    if !metadata.is_empty() {
        put_labels(out, metadata);
    }
}

/// Reads what the `put_` functions wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn fixed_u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        let value = self.u64()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn len(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.len()?;
        self.take(len)
    }

    pub(crate) fn str(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn labels(&mut self) -> Option<Labels> {
        let count = self.len()?;
        // A pair takes two bytes at least, so a larger count is a lie and must not be allocated for.
        if count > self.rest.len() / 2 {
            return None;
        }
        if count == 0 {
            return Some(Labels::empty());
        }
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            pairs.push((self.str()?, self.str()?));
        }
        Some(Labels::from_pairs(pairs))
    }

    pub(crate) fn extras(&mut self) -> Option<Extras> {
        let mut extras = Extras::default();
        if self.is_empty() {
            return Some(extras);
        }
        let [flags] = self.array()?;
        if flags & HAS_TRACE != 0 {
            extras.trace_id = Some(TraceId(u128::from_le_bytes(self.array()?)));
        }
        if flags & HAS_SPAN != 0 {
            extras.span_id = Some(SpanId(u64::from_le_bytes(self.array()?)));
        }
        if flags & HAS_METADATA != 0 {
            extras.metadata = self.labels()?;
        }
        Some(extras)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip_and_overlong_ones_are_refused() {
        let mut out = Vec::new();
        for value in [0, 1, -1, 63, 64, i64::MAX, i64::MIN] {
            out.clear();
            put_i64(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.i64(), Some(value));
            assert!(reader.is_empty());
        }
        assert_eq!(Reader::new(&[0xff; 10]).u64(), None);
        assert_eq!(Reader::new(&[0x80]).u64(), None);
    }

    #[test]
    fn every_cut_of_extras_is_refused() {
        let mut out = Vec::new();
        let metadata = Labels::from_pairs([("level", "info")]);
        put_extras(&mut out, &metadata, Some(TraceId(7)), Some(SpanId(9)));
        let extras = Reader::new(&out).extras().unwrap();
        assert_eq!(
            (extras.metadata, extras.trace_id, extras.span_id),
            (metadata, Some(TraceId(7)), Some(SpanId(9)))
        );
        for cut in 1..out.len() {
            assert!(Reader::new(&out[..cut]).extras().is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_allocates_nothing() {
        let mut out = Vec::new();
        put_u64(&mut out, u64::MAX);
        assert!(Reader::new(&out).labels().is_none());
    }
}
