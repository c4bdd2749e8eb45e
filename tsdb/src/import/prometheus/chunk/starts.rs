//! Start timestamps within a chunk: a header says of which sample on they change, until then nothing is written.

use super::bits::Bits;
use crate::bytes::Malformed;

/// The start timestamps of a chunk as it is read; a start is written as its distance to a sample's time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StartReader {
    /// Whether the first sample has one.
    known: bool,
    /// The first sample whose start differs, 0 for none.
    changed_on: u16,
    distance: i64,
    start: i64,
}

impl StartReader {
    pub(super) fn new(header: u8) -> StartReader {
        StartReader {
            known: header & 0x80 != 0,
            changed_on: u16::from(header & 0x7f),
            ..StartReader::default()
        }
    }

    /// The start of sample `row`, counted from 0, whose time is `time`; the sample before was at `before`.
    pub(super) fn next(
        &mut self,
        bits: &mut Bits<'_>,
        row: u16,
        time: i64,
        before: i64,
    ) -> Result<i64, Malformed> {
        if row == 0 {
            if self.known {
                self.start = time.wrapping_sub(bits.varint()?);
            }
        } else if self.changed_on > 0 && row >= self.changed_on {
            let change = bits.varbit_int()?;
            self.distance = match row == self.changed_on {
                true => change,
                false => self.distance.wrapping_add(change),
            };
            self.start = before.wrapping_sub(self.distance);
        }
        Ok(self.start)
    }
}
