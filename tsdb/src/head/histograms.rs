//! The native histograms of a page: few series have any, so they are kept a series at a time, beside the rows.
//!
//! Recent ones are held as they came, in order of time; when enough have gathered they become a chunk, coded as in a
//! block, a tenth of the size.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Histogram;
use model::histogram::HistogramSample;
use model::metrics::Rejected;

use super::Bounds;
use super::row::{Slots, Visible, set};
use crate::bytes::Malformed;
use crate::codec::Effort;
use crate::codec::histogram::{decode_histograms, encode_histograms};

/// So many recent histograms of a series are made a chunk.
const SEAL_AT: usize = 32;

#[derive(Debug)]
struct Recent {
    timestamp_ms: i64,
    batch: u32,
    histogram: Arc<Histogram>,
}

#[derive(Debug)]
struct Chunk {
    min_ms: i64,
    max_ms: i64,
    count: usize,
    bytes: Box<[u8]>,
}

impl Chunk {
    fn meets(&self, start_ms: i64, end_ms: i64) -> bool {
        self.max_ms >= start_ms && self.min_ms <= end_ms
    }

    fn read(&self, start_ms: i64, end_ms: i64, into: &mut Vec<HistogramSample>) -> Result<(), Malformed> {
        if !self.meets(start_ms, end_ms) {
            return Ok(());
        }
        let mut all = Vec::with_capacity(self.count);
        decode_histograms(&self.bytes, self.count, &mut all)?;
        into.extend(all.into_iter().filter(|(at, _)| (start_ms..=end_ms).contains(at)));
        Ok(())
    }
}

/// One series' histograms.
#[derive(Debug, Default)]
struct Series {
    recent: Vec<Recent>,
    chunks: Vec<Chunk>,
    retry_at: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Histograms(BTreeMap<u16, Series>);

impl Histograms {
    /// Whether a histogram is to be stored, and if so whether it is late; `None`: it is stored already.
    pub(crate) fn judge(
        &self,
        slot: usize,
        timestamp_ms: i64,
        histogram: &Histogram,
        bounds: &Bounds,
    ) -> Result<Option<bool>, Rejected> {
        if timestamp_ms > bounds.until_ms {
            return Err(Rejected::TooFarInFuture);
        }
        let series = self.0.get(&(slot as u16));
        let last = series.and_then(Series::last_ms);
        if last.is_none_or(|last| timestamp_ms > last) {
            return match bounds.takes_in_order(timestamp_ms) {
                true => Ok(Some(false)),
                false => Err(Rejected::TooOld),
            };
        }
        let mut stored = Vec::new();
        if let Some(series) = series {
            // A chunk that does not decode has nothing to compare with.
            let _ = series.read(Visible::ALL, timestamp_ms, timestamp_ms, &mut stored);
        }
        match stored.first() {
            Some((_, known)) if is_same(known, histogram) => Ok(None),
            Some(_) => Err(Rejected::Duplicate),
            None => bounds.judge_late(timestamp_ms).map(|()| Some(true)),
        }
    }

    /// Stores a histogram whose time is free.
    pub(crate) fn push(
        &mut self,
        slot: usize,
        timestamp_ms: i64,
        histogram: &Arc<Histogram>,
        batch: u32,
        sealable: Visible,
    ) -> i64 {
        let series = self.0.entry(slot as u16).or_default();
        let mut bytes = recent_bytes(histogram);
        let at = series.recent.partition_point(|r| r.timestamp_ms <= timestamp_ms);
        let recent = Recent {
            timestamp_ms,
            batch,
            histogram: Arc::clone(histogram),
        };
        series.recent.insert(at, recent);
        if series.recent.len() >= SEAL_AT.max(series.retry_at) {
            bytes += series.seal(sealable);
        }
        bytes
    }

    /// Whether one of any series may lie in the range.
    pub(crate) fn meets(&self, start_ms: i64, end_ms: i64) -> bool {
        self.0.values().any(|series| {
            series.chunks.iter().any(|chunk| chunk.meets(start_ms, end_ms))
                || series
                    .recent
                    .iter()
                    .any(|r| (start_ms..=end_ms).contains(&r.timestamp_ms))
        })
    }

    /// Adds the slots that have histograms.
    pub(crate) fn add_slots(&self, slots: &mut Slots) {
        self.0.keys().for_each(|&slot| set(slots, usize::from(slot)));
    }

    /// Whether the slot has a visible one in the range.
    pub(crate) fn has(
        &self,
        slot: usize,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<bool, Malformed> {
        let Some(series) = self.0.get(&(slot as u16)) else {
            return Ok(false);
        };
        let mut found = Vec::new();
        series.read(visible, start_ms, end_ms, &mut found)?;
        Ok(!found.is_empty())
    }

    /// Appends the slot's visible ones in the range, in order of time.
    pub(crate) fn read(
        &self,
        slot: usize,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
        into: &mut Vec<HistogramSample>,
    ) -> Result<(), Malformed> {
        match self.0.get(&(slot as u16)) {
            Some(series) => series.read(visible, start_ms, end_ms, into),
            None => Ok(()),
        }
    }
}

impl Series {
    fn last_ms(&self) -> Option<i64> {
        let recent = self.recent.last().map(|r| r.timestamp_ms);
        recent.max(self.chunks.iter().map(|chunk| chunk.max_ms).max())
    }

    fn read(
        &self,
        visible: Visible,
        start_ms: i64,
        end_ms: i64,
        into: &mut Vec<HistogramSample>,
    ) -> Result<(), Malformed> {
        let from = into.len();
        for chunk in &self.chunks {
            chunk.read(start_ms, end_ms, into)?;
        }
        let recent = self
            .recent
            .iter()
            .filter(|r| (start_ms..=end_ms).contains(&r.timestamp_ms) && visible.sees_batch(r.batch));
        into.extend(recent.map(|r| (r.timestamp_ms, Arc::clone(&r.histogram))));
        sort_from(into, from);
        Ok(())
    }

    /// Makes a chunk of the recent ones that everybody sees; gives by how much memory grew.
    fn seal(&mut self, sealable: Visible) -> i64 {
        let ready = self
            .recent
            .iter()
            .take_while(|r| sealable.sees_batch(r.batch))
            .count();
        let samples: Vec<HistogramSample> = self
            .recent
            .iter()
            .take(ready)
            .map(|r| (r.timestamp_ms, Arc::clone(&r.histogram)))
            .collect();
        self.retry_at = self.recent.len() * 3 / 2;
        if 2 * ready < SEAL_AT || !samples.is_sorted_by(|(a, _), (b, _)| a < b) {
            return 0;
        }
        let mut bytes = Vec::new();
        let count = encode_histograms(&samples, Effort::Fast, &mut bytes);
        let (Some((min_ms, _)), Some((max_ms, _))) = (samples.first(), samples.get(count.wrapping_sub(1)))
        else {
            return 0;
        };
        self.chunks.push(Chunk {
            min_ms: *min_ms,
            max_ms: *max_ms,
            count,
            bytes: bytes.into_boxed_slice(),
        });
        self.retry_at = 0;
        let sealed = self.recent.drain(..count);
        let freed: i64 = sealed.map(|r| recent_bytes(&r.histogram)).sum();
        let made = self.chunks.last().map_or(0, |chunk| chunk.bytes.len());
        (size_of::<Chunk>() + made) as i64 - freed
    }
}

fn recent_bytes(histogram: &Histogram) -> i64 {
    (size_of::<Recent>() + histogram.memory_bytes()) as i64
}

/// Whether two histograms are the same to the last bit, NaNs included.
fn is_same(a: &Arc<Histogram>, b: &Histogram) -> bool {
    let coded = |histogram: Arc<Histogram>| {
        let mut bytes = Vec::new();
        encode_histograms(&[(0, histogram)], Effort::Fast, &mut bytes);
        bytes
    };
    **a == *b || coded(Arc::clone(a)) == coded(Arc::new(b.clone()))
}

/// Puts the histograms from the `from`-th on in order of time; of several at one time the first stays.
pub(crate) fn sort_from(samples: &mut Vec<HistogramSample>, from: usize) {
    let added = samples.get(from..).unwrap_or_default();
    if !added.is_sorted_by(|(a, _), (b, _)| a < b) {
        let mut added = samples.split_off(from);
        added.sort_by_key(|(at, _)| *at);
        added.dedup_by_key(|(at, _)| *at);
        samples.append(&mut added);
    }
}
