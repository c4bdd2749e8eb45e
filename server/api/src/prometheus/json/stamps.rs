//! The timestamps of a matrix, rendered once: the series of a range query have theirs at the same steps.

use super::number;
use super::pen::{BLOCK, Pen};

/// What stands before the first value of a series and between two: `"],[1700000000,"`.
#[derive(Debug)]
pub(super) struct Stamps {
    times: Vec<i64>,
    texts: Vec<([u8; BLOCK], usize)>,
}

impl Stamps {
    /// Of these times, in order.
    pub(super) fn new(times: &[i64]) -> Stamps {
        Stamps {
            times: times.to_vec(),
            texts: times.iter().map(|ms| rendered(*ms)).collect(),
        }
    }

    /// Writes what stands before the value at `ms`. `next` is where it is likely to be, and is moved on.
    #[inline]
    pub(super) fn write(&self, pen: &mut Pen, ms: i64, next: &mut usize) {
        while self.times.get(*next).is_some_and(|time| *time < ms) {
            *next += 1;
        }
        match (self.times.get(*next), self.texts.get(*next)) {
            (Some(time), Some((text, len))) if *time == ms => pen.block(text, *len),
            _ => {
                let (text, len) = rendered(ms);
                pen.block(&text, len);
            }
        }
    }
}

fn rendered(ms: i64) -> ([u8; BLOCK], usize) {
    let mut pen = Pen::default();
    pen.text("\"],[");
    number::timestamp(&mut pen, ms);
    pen.text(",\"");
    let (mut block, text) = ([0; BLOCK], pen.into_string());
    let len = text.len().min(BLOCK);
    block[..len].copy_from_slice(&text.as_bytes()[..len]);
    (block, len)
}
