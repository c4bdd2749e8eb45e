//! One series in memory: sealed chunks, the open buffer, and what came late.

use std::sync::Arc;

use model::Labels;
use model::metrics::{Samples, SeriesRef};
use parking_lot::Mutex;

use crate::bytes::Malformed;
use crate::chunk::{self, CHUNK_SAMPLES};
use crate::merge::Part;
use crate::view::{Floor, View};

/// A series and its samples.
pub(crate) struct Series {
    pub(crate) id: SeriesRef,
    pub(crate) labels: Labels,
    pub(crate) data: Mutex<SeriesData>,
}

/// A compressed run of samples.
struct Sealed {
    min_ms: i64,
    max_ms: i64,
    count: u32,
    bytes: Arc<[u8]>,
}

/// A sample that was not in order, with the batch it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LateSample {
    pub(crate) timestamp_ms: i64,
    pub(crate) value: f64,
    pub(crate) batch: u64,
}

/// After `batch`, the series had taken `count` samples in order over its life.
#[derive(Clone, Copy)]
struct Mark {
    batch: u64,
    count: u64,
}

/// The samples of one series. In-order ones are numbered from 0 over the series' life; the marks say up to which
/// number a reader of an older batch may look.
#[derive(Default)]
pub(crate) struct SeriesData {
    /// In-order samples dropped from the front so far.
    dropped: u64,
    /// In-order samples taken so far.
    taken: u64,
    sealed: Vec<Sealed>,
    open: Samples,
    /// Sorted by time.
    late: Vec<LateSample>,
    marks: Vec<Mark>,
    /// The newest in-order sample, its value as bits.
    last: Option<(i64, u64)>,
    /// The newest in-order sample of a batch that is being decided, valid for that attempt only.
    pending: Option<(u64, i64, u64)>,
    /// The log segment with the newest record of the series' labels.
    pub(crate) wal_segment: u64,
}

impl Series {
    pub(crate) fn new(id: SeriesRef, labels: Labels, wal_segment: u64) -> Self {
        let data = SeriesData {
            wal_segment,
            ..SeriesData::default()
        };
        Series {
            id,
            labels,
            data: Mutex::new(data),
        }
    }
}

impl SeriesData {
    /// The newest in-order sample, counting what the attempt `attempt` has decided to take.
    pub(crate) fn last(&self, attempt: u64) -> Option<(i64, u64)> {
        match self.pending {
            Some((of, ts, bits)) if of == attempt => Some((ts, bits)),
            _ => self.last,
        }
    }

    /// Notes that attempt `attempt` will append this sample in order.
    pub(crate) fn expect(&mut self, attempt: u64, timestamp_ms: i64, bits: u64) {
        self.pending = Some((attempt, timestamp_ms, bits));
    }

    /// Appends a sample newer than all in-order ones. Marks that no reader can need, those before the last one not
    /// above `oldest_batch`, go.
    pub(crate) fn push(&mut self, timestamp_ms: i64, value: f64, batch: u64, oldest_batch: u64) {
        self.open.push(timestamp_ms, value);
        self.last = Some((timestamp_ms, value.to_bits()));
        self.taken += 1;
        let count = self.taken;
        match self.marks.last_mut() {
            Some(mark) if mark.batch == batch => mark.count = count,
            _ => {
                let needed = self.marks.iter().rposition(|m| m.batch <= oldest_batch);
                self.marks.drain(..needed.unwrap_or(0));
                self.marks.push(Mark { batch, count });
            }
        }
        if self.open.len() >= CHUNK_SAMPLES {
            self.seal();
        }
    }

    fn seal(&mut self) {
        let ends = self.open.timestamps.first().zip(self.open.timestamps.last());
        if let Some((&min_ms, &max_ms)) = ends {
            let bytes = chunk::encode(&self.open.timestamps, &self.open.values).into();
            let count = self.open.len() as u32;
            self.sealed.push(Sealed {
                min_ms,
                max_ms,
                count,
                bytes,
            });
            self.open.clear();
        }
    }

    /// Inserts a sample that is not in order and whose time is not taken.
    pub(crate) fn push_late(&mut self, sample: LateSample) {
        let at = self
            .late
            .partition_point(|s| s.timestamp_ms < sample.timestamp_ms);
        self.late.insert(at, sample);
    }

    /// Takes over the samples of another handle of the same series, at replay.
    pub(crate) fn take_over(&mut self, other: &mut SeriesData) {
        let wal_segment = self.wal_segment;
        *self = std::mem::take(other);
        self.wal_segment = wal_segment;
    }

    /// The bits of the value at a time, wherever in memory it is.
    pub(crate) fn value_at(&self, timestamp_ms: i64) -> Result<Option<u64>, Malformed> {
        if let Ok(i) = self.late.binary_search_by_key(&timestamp_ms, |s| s.timestamp_ms) {
            return Ok(self.late.get(i).map(|s| s.value.to_bits()));
        }
        if let Ok(i) = self.open.timestamps.binary_search(&timestamp_ms) {
            return Ok(self.open.values.get(i).map(|v| v.to_bits()));
        }
        let i = self.sealed.partition_point(|s| s.max_ms < timestamp_ms);
        let mut found = Samples::default();
        if let Some(sealed) = self.sealed.get(i).filter(|s| s.min_ms <= timestamp_ms) {
            chunk::decode_into(&sealed.bytes, usize::MAX, timestamp_ms, timestamp_ms, &mut found)?;
        }
        Ok(found.values.first().map(|v| v.to_bits()))
    }

    /// Drops what `floor` covers; of a chunk that lies across it nothing goes.
    pub(crate) fn truncate(&mut self, floor: Floor) {
        let gone = self.sealed.partition_point(|s| s.max_ms < floor.floor_ms);
        self.dropped += self.sealed.drain(..gone).map(|s| u64::from(s.count)).sum::<u64>();
        if self.sealed.is_empty() {
            let gone = self.open.timestamps.partition_point(|&t| t < floor.floor_ms);
            self.open.timestamps.drain(..gone);
            self.open.values.drain(..gone);
            self.dropped += gone as u64;
        }
        self.late.retain(|s| !floor.covers(s.timestamp_ms, s.batch));
        if self.late.is_empty() {
            self.late = Vec::new();
        }
    }

    /// Whether there is no sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.open.is_empty() && self.late.is_empty()
    }

    /// Chunks, the open one included.
    pub(crate) fn chunks(&self) -> usize {
        self.sealed.len() + usize::from(!self.open.is_empty())
    }

    /// Bytes the samples take in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let sealed: usize = self
            .sealed
            .iter()
            .map(|s| s.bytes.len() + size_of::<Sealed>())
            .sum();
        sealed + 16 * self.open.timestamps.capacity() + size_of::<LateSample>() * self.late.capacity()
    }

    /// The oldest in-order or late time, wherever the floor is.
    pub(crate) fn min_ms(&self) -> Option<i64> {
        let in_order = self
            .sealed
            .first()
            .map(|s| s.min_ms)
            .or(self.open.timestamps.first().copied());
        in_order
            .into_iter()
            .chain(self.late.first().map(|s| s.timestamp_ms))
            .min()
    }

    /// The newest in-order or late time.
    pub(crate) fn max_ms(&self) -> Option<i64> {
        let in_order = self
            .open
            .timestamps
            .last()
            .copied()
            .or(self.sealed.last().map(|s| s.max_ms));
        in_order
            .into_iter()
            .chain(self.late.last().map(|s| s.timestamp_ms))
            .max()
    }

    /// How many in-order samples (counted over the series' life) a view sees.
    fn visible(&self, view: View) -> u64 {
        self.marks
            .iter()
            .rev()
            .find(|m| m.batch <= view.batch)
            .map_or(0, |m| m.count)
    }

    /// What a view sees between two times, as sources for [`merge::read`](crate::merge::read): in order first, then late.
    pub(crate) fn sources(&self, view: View, start_ms: i64, end_ms: i64) -> Vec<Vec<Part>> {
        let mut sources = Vec::with_capacity(2);
        let in_order = self.in_order(view, start_ms.max(view.floor.floor_ms), end_ms);
        let late = self.late(view, start_ms, end_ms);
        sources.extend([in_order, late].into_iter().filter(|source| !source.is_empty()));
        sources
    }

    fn in_order(&self, view: View, start_ms: i64, end_ms: i64) -> Vec<Part> {
        let visible = self.visible(view);
        let mut number = self.dropped;
        let mut parts = Vec::new();
        for sealed in &self.sealed {
            let take = visible.saturating_sub(number).min(u64::from(sealed.count)) as usize;
            number += u64::from(sealed.count);
            if take > 0 && sealed.max_ms >= start_ms && sealed.min_ms <= end_ms {
                parts.extend(part_of(sealed, take, start_ms));
            }
        }
        let take = visible.saturating_sub(number).min(self.open.len() as u64) as usize;
        let times = self.open.timestamps.get(..take).unwrap_or_default();
        let from = times.partition_point(|&t| t < start_ms);
        let to = times.partition_point(|&t| t <= end_ms);
        if from < to {
            parts.push(Part::Raw(Samples {
                timestamps: self.open.timestamps[from..to].to_vec(),
                values: self.open.values[from..to].to_vec(),
            }));
        }
        parts
    }

    fn late(&self, view: View, start_ms: i64, end_ms: i64) -> Vec<Part> {
        let mut samples = Samples::default();
        for s in &self.late {
            let visible = s.batch <= view.batch && !view.floor.covers(s.timestamp_ms, s.batch);
            if visible && (start_ms..=end_ms).contains(&s.timestamp_ms) {
                samples.push(s.timestamp_ms, s.value);
            }
        }
        if samples.is_empty() {
            Vec::new()
        } else {
            vec![Part::Raw(samples)]
        }
    }

    /// Whether the series' span reaches into a range: cheap, and true at times where there is nothing.
    pub(crate) fn may_have(&self, start_ms: i64, end_ms: i64) -> bool {
        self.max_ms().is_some_and(|max| max >= start_ms) && self.min_ms().is_some_and(|min| min <= end_ms)
    }

    /// The first time from `start_ms` to `end_ms` at which a view sees a sample.
    pub(crate) fn first_ms(&self, view: View, start_ms: i64, end_ms: i64) -> Option<i64> {
        if !self.may_have(start_ms, end_ms) {
            return None;
        }
        self.sources(view, start_ms, end_ms)
            .iter()
            .flatten()
            .map(|part| part.span().0)
            .min()
    }
}

/// A sealed chunk as a part. One of which only a piece is wanted is decoded here, so that its span says no more
/// than it holds: the floor may lie inside it, or the view may end there.
fn part_of(sealed: &Sealed, take: usize, start_ms: i64) -> Option<Part> {
    if sealed.min_ms < start_ms || take < sealed.count as usize {
        let mut samples = Samples::default();
        // The head encoded these bytes itself; memory that turned bad yields what still decodes.
        let _ = chunk::decode_into(&sealed.bytes, take, start_ms, i64::MAX, &mut samples);
        return (!samples.is_empty()).then_some(Part::Raw(samples));
    }
    Some(Part::Chunk {
        buffer: Arc::clone(&sealed.bytes),
        range: 0..sealed.bytes.len(),
        min_ms: sealed.min_ms,
        max_ms: sealed.max_ms,
    })
}
