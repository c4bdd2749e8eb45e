//! The samples of one page in one generation: rows as they came, and the runs into which they are sealed.
//!
//! Behind a lock of its own, which appends take once a row and readers once a series. A row that is newer than
//! everything in the page goes in without a look at its values; so does one whose slots have nothing that new. What is
//! left is judged value by value.

use model::metrics::{AppendReport, HistogramRow, RefSample, Rejected, Samples, StartRow};

mod read;

use super::histograms::{self, Histograms};
use super::page::{Page, slot_of};
use super::record::{self, Previous, RECORD_HISTOGRAMS, RECORD_PAGE, RECORD_ROW, RECORD_STARTS};
use super::row::{Row, Slots, Visible, has};
use super::run::{Run, Scratch};
use super::starts::PageStarts;
use super::{Bounds, MAX_WIDTH};
use crate::bytes::Malformed;

/// Pages with fewer series are sealed after fewer rows, but into one run until it is long enough: a row costs them 32
/// bytes a sample.
const NARROW: usize = 16;
/// So few samples are judged one by one without more ado.
const FEW: usize = 16;
/// A run of a narrow page that has so many timestamps is finished.
const NARROW_RUN_LEN: usize = 120;

/// What a batch did, summed over its pages.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) samples: u64,
    pub(crate) late: u64,
    pub(crate) bytes: i64,
    pub(crate) runs: i64,
    pub(crate) newest_ms: Option<i64>,
    pub(crate) oldest_ms: Option<i64>,
}

impl Tally {
    fn add(&mut self, timestamp_ms: i64, samples: u64) {
        self.samples += samples;
        self.newest_ms = self.newest_ms.max(Some(timestamp_ms));
        self.oldest_ms = Some(self.oldest_ms.map_or(timestamp_ms, |t| t.min(timestamp_ms)));
    }
}

/// Takes records: bytes and kind.
pub(crate) type Log<'a> = &'a mut dyn FnMut(&[u8], u8);

/// What an append works with, the same for all its pages.
pub(crate) struct Appending<'a> {
    pub(crate) batch: u64,
    /// Rows up to here may be sealed.
    pub(crate) sealable: Visible,
    pub(crate) bounds: &'a Bounds,
    /// `None` while a log is replayed.
    pub(crate) log: Option<Log<'a>>,
    pub(crate) report: &'a mut AppendReport,
    pub(crate) tally: Tally,
    pub(crate) record: Vec<u8>,
    pub(crate) scratch: Scratch,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct PageData {
    rows: Vec<Row>,
    runs: Vec<Run>,
    pub(crate) previous: Previous,
    histograms: Option<Box<Histograms>>,
    starts: Option<Box<PageStarts>>,
    newest_ms: i64,
    oldest_ms: i64,
    /// Values in `rows`.
    values: u32,
    /// Sealing is not tried again before there are so many rows.
    retry_rows: u32,
    is_defined: bool,
}

impl Default for PageData {
    fn default() -> Self {
        PageData {
            rows: Vec::new(),
            runs: Vec::new(),
            previous: Previous::default(),
            histograms: None,
            starts: None,
            newest_ms: i64::MIN,
            oldest_ms: i64::MAX,
            values: 0,
            retry_rows: 0,
            is_defined: false,
        }
    }
}

impl PageData {
    /// Appends samples of one time in rising slots. `place` says where in the batch the n-th of them is.
    pub(crate) fn append(
        &mut self,
        page: &Page,
        samples: &[RefSample],
        place: &dyn Fn(usize) -> usize,
        appending: &mut Appending<'_>,
    ) -> Result<(), Malformed> {
        let Some(&RefSample { timestamp_ms, .. }) = samples.first() else {
            return Ok(());
        };
        let in_bounds =
            timestamp_ms <= appending.bounds.until_ms && appending.bounds.takes_in_order(timestamp_ms);
        let slots_exist = samples.last().is_some_and(|s| slot_of(s.series) < page.width());
        if in_bounds && slots_exist && page.is_whole() && self.is_newer(timestamp_ms, samples) {
            self.push(page, samples, appending);
            return self.seal_if_full(page, appending);
        }
        let mut taken = Vec::with_capacity(samples.len());
        // Which slots to look at closely: for few samples all of theirs, for many it pays to find out.
        let contested = match samples.len() {
            ..FEW => [u64::MAX; MAX_WIDTH / 64],
            _ => self.contested(timestamp_ms),
        };
        for (i, sample) in samples.iter().enumerate() {
            match self.judge(page, sample, &contested, appending) {
                Ok(true) => taken.push(*sample),
                Ok(false) => appending.report.stored += 1,
                Err(reason) => appending.report.rejected.push((place(i), reason)),
            }
        }
        if !taken.is_empty() {
            self.push(page, &taken, appending);
            self.seal_if_full(page, appending)?;
        }
        Ok(())
    }

    /// Whether no slot from the first to the last of the samples has anything at that time or later.
    fn is_newer(&self, timestamp_ms: i64, samples: &[RefSample]) -> bool {
        if timestamp_ms > self.newest_ms {
            return true;
        }
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return true;
        };
        let (first, last) = (slot_of(first.series), slot_of(last.series));
        self.runs.iter().all(|run| run.max_ms() < timestamp_ms)
            && self.rows.iter().all(|row| {
                row.timestamp_ms < timestamp_ms || row.first() > last || row.first() + row.span() <= first
            })
    }

    /// The slots that have something at that time or later.
    fn contested(&self, timestamp_ms: i64) -> Slots {
        let mut slots = Slots::default();
        for row in self.rows.iter().filter(|row| row.timestamp_ms >= timestamp_ms) {
            row.add_slots(&mut slots);
        }
        for run in self.runs.iter().filter(|run| run.max_ms() >= timestamp_ms) {
            run.add_slots(&mut slots);
        }
        slots
    }

    /// Whether a sample is to be stored (else it is stored already).
    fn judge(
        &self,
        page: &Page,
        sample: &RefSample,
        contested: &Slots,
        appending: &mut Appending<'_>,
    ) -> Result<bool, Rejected> {
        let slot = slot_of(sample.series);
        let Appending { bounds, scratch, .. } = appending;
        if !page.is_live(slot) {
            return Err(Rejected::UnknownSeries);
        }
        if sample.timestamp_ms > bounds.until_ms {
            return Err(Rejected::TooFarInFuture);
        }
        let last = match has(contested, slot) {
            true => self.last_from(slot, sample.timestamp_ms, scratch),
            false => None,
        };
        if last.is_none() {
            return match bounds.takes_in_order(sample.timestamp_ms) {
                true => Ok(true),
                false => Err(Rejected::TooOld),
            };
        }
        match self.value_at(slot, sample.timestamp_ms, scratch) {
            Some(bits) if bits == sample.value.to_bits() => Ok(false),
            Some(_) => Err(Rejected::Duplicate),
            None => {
                bounds.judge_late(sample.timestamp_ms)?;
                appending.tally.late += 1;
                Ok(true)
            }
        }
    }

    /// The slot's last time, if it is not before `start_ms`.
    fn last_from(&self, slot: usize, start_ms: i64, scratch: &mut Scratch) -> Option<i64> {
        let rows = self
            .rows
            .iter()
            .filter(|row| row.timestamp_ms >= start_ms && row.value(slot).is_some())
            .map(|row| row.timestamp_ms)
            .max();
        let mut last = rows;
        for run in self.runs.iter().filter(|run| run.max_ms() >= start_ms) {
            last = last.max(run.last_between(slot, start_ms, i64::MAX, scratch).ok().flatten());
        }
        last
    }

    /// The bits of the slot's value at that very time.
    fn value_at(&self, slot: usize, timestamp_ms: i64, scratch: &mut Scratch) -> Option<u64> {
        let mut found = Samples::default();
        for run in &self.runs {
            let read = run.read(slot, timestamp_ms, timestamp_ms, scratch, &mut found);
            if let (Ok(()), Some(value)) = (read, found.values.first()) {
                return Some(value.to_bits());
            }
        }
        let mut rows = self.rows.iter().filter(|row| row.timestamp_ms == timestamp_ms);
        rows.find_map(|row| row.value(slot))
    }

    /// Logs and stores a row.
    fn push(&mut self, page: &Page, samples: &[RefSample], appending: &mut Appending<'_>) {
        if let Some(log) = &mut appending.log {
            let record = &mut appending.record;
            define(page, &mut self.is_defined, record, *log);
            let before = self.previous.bytes();
            record.clear();
            record::put_row(page, &mut self.previous, samples, record);
            log(record, RECORD_ROW);
            appending.tally.bytes += (self.previous.bytes() - before) as i64;
        }
        appending.report.stored += samples.len();
        self.store(samples, appending);
    }

    /// Appends native histograms of one page. `place` says where in the batch the n-th of them is.
    pub(crate) fn append_histograms(
        &mut self,
        page: &Page,
        rows: &[HistogramRow],
        place: &dyn Fn(usize) -> usize,
        appending: &mut Appending<'_>,
    ) {
        let mut taken = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let slot = slot_of(row.series);
            let bounds = appending.bounds;
            let histograms = self.histograms.get_or_insert_default();
            let judged = match page.is_live(slot) {
                true => histograms.judge(slot, row.timestamp_ms, &row.histogram, bounds),
                false => Err(Rejected::UnknownSeries),
            };
            match judged {
                Ok(None) => appending.report.stored += 1,
                Ok(Some(late)) => {
                    appending.report.stored += 1;
                    appending.tally.late += u64::from(late);
                    self.store_histogram(row, appending);
                    taken.push(row);
                }
                Err(reason) => appending.report.rejected.push((place(i), reason)),
            }
        }
        if let Some(log) = appending.log.as_mut().filter(|_| !taken.is_empty()) {
            let record = &mut appending.record;
            define(page, &mut self.is_defined, record, *log);
            record.clear();
            record::put_histograms(page, &taken, record);
            log(record, RECORD_HISTOGRAMS);
        }
    }

    /// Stores a histogram that was judged, now or when the log took it.
    pub(crate) fn store_histogram(&mut self, row: &HistogramRow, appending: &mut Appending<'_>) {
        let Appending {
            batch,
            sealable,
            tally,
            ..
        } = appending;
        let histograms = self.histograms.get_or_insert_default();
        let slot = slot_of(row.series);
        tally.bytes += histograms.push(slot, row.timestamp_ms, &row.histogram, *batch as u32, *sealable);
        tally.add(row.timestamp_ms, 1);
    }

    /// Takes start timestamps of one page; what is known already is not logged again.
    pub(crate) fn append_starts(&mut self, page: &Page, rows: &[StartRow], appending: &mut Appending<'_>) {
        let mut new = Vec::new();
        for row in rows.iter().filter(|row| page.is_live(slot_of(row.series))) {
            let starts = self.starts.get_or_insert_default();
            if starts.push(slot_of(row.series), row.from_ms, row.start_ms) {
                appending.tally.bytes += size_of::<(u16, i64, i64)>() as i64;
                new.push(*row);
            }
        }
        if let Some(log) = appending.log.as_mut().filter(|_| !new.is_empty()) {
            let record = &mut appending.record;
            define(page, &mut self.is_defined, record, *log);
            record.clear();
            record::put_starts(page, &new, record);
            log(record, RECORD_STARTS);
        }
    }

    fn store(&mut self, samples: &[RefSample], appending: &mut Appending<'_>) {
        let row = Row::new(appending.batch, samples);
        let timestamp_ms = row.timestamp_ms;
        self.newest_ms = self.newest_ms.max(timestamp_ms);
        self.oldest_ms = self.oldest_ms.min(timestamp_ms);
        self.values += samples.len() as u32;
        let tally = &mut appending.tally;
        tally.add(timestamp_ms, samples.len() as u64);
        tally.bytes += row.bytes() as i64;
        if self.rows.len() == self.rows.capacity() {
            // Narrow pages have few rows at a time; doubling would waste half of what they take.
            self.rows.reserve_exact((self.rows.len() / 2).clamp(2, 64));
        }
        self.rows.push(row);
    }

    /// Stores a row that a log has: it was judged when it came.
    pub(crate) fn restore(
        &mut self,
        page: &Page,
        samples: &[RefSample],
        appending: &mut Appending<'_>,
    ) -> Result<(), Malformed> {
        self.store(samples, appending);
        self.seal_if_full(page, appending)
    }

    fn seal_if_full(&mut self, page: &Page, appending: &mut Appending<'_>) -> Result<(), Malformed> {
        // Pages fill at the same pace; different targets keep them from being sealed all at once.
        let stagger = page.tag.wrapping_mul(0x9e37_79b9) >> 28;
        let target = match page.width() {
            ..NARROW => 8 + stagger / 4,
            _ => 24 + stagger,
        };
        let is_full =
            self.values as usize >= target as usize * page.width() || self.rows.len() >= 4 * target as usize;
        if !is_full || self.rows.len() < self.retry_rows as usize {
            return Ok(());
        }
        self.seal(page, appending)?;
        // Rows that a snapshot does not see yet stay: look again when there are half as many more.
        self.retry_rows = match self.values as usize >= target as usize * page.width() / 2 {
            true => (self.rows.len() + self.rows.len() / 2 + 2) as u32,
            false => 0,
        };
        Ok(())
    }

    /// Seals the rows that may be, but those of the newest time: the rest of the page may still be on its way.
    fn seal(&mut self, page: &Page, appending: &mut Appending<'_>) -> Result<(), Malformed> {
        let newest_ms = self.newest_ms;
        let sealable = appending.sealable;
        let stays = |row: &Row| row.timestamp_ms == newest_ms || !sealable.sees(row);
        let ready = self.rows.iter().filter(|row| !stays(row)).count();
        if 2 * ready < self.rows.len() {
            return Ok(());
        }
        let rows: Vec<Row> = self.rows.extract_if(.., |row| !stays(row)).collect();
        let oldest = rows.iter().map(|row| row.timestamp_ms).min();
        let joined = self.runs.last().filter(|run| {
            page.width() < NARROW
                && run.len() < NARROW_RUN_LEN
                && oldest.is_some_and(|oldest| run.max_ms() <= oldest)
        });
        let run = Run::seal(joined, &rows, &mut appending.scratch)?;
        let tally = &mut appending.tally;
        if joined.is_some() {
            let joined = self.runs.pop();
            tally.bytes -= joined.map_or(0, |run| run.bytes()) as i64;
            tally.runs -= 1;
        }
        tally.bytes += run.bytes() as i64 - rows.iter().map(|row| row.bytes() as i64).sum::<i64>();
        tally.runs += 1;
        self.values -= rows.iter().map(|row| row.len() as u32).sum::<u32>();
        self.runs.reserve_exact(usize::from(page.width() < NARROW));
        self.runs.push(run);
        Ok(())
    }

    /// Lets go what only appends need.
    pub(crate) fn freeze(&mut self) -> i64 {
        let freed = self.previous.bytes() as i64;
        self.previous = Previous::default();
        self.rows.shrink_to_fit();
        self.runs.shrink_to_fit();
        freed
    }
}

/// Logs which series the page has, the first time it is used in a generation.
fn define(page: &Page, is_defined: &mut bool, record: &mut Vec<u8>, log: &mut dyn FnMut(&[u8], u8)) {
    if !*is_defined {
        *is_defined = true;
        record.clear();
        record::put_page(page, record);
        log(record, RECORD_PAGE);
    }
}

/// Puts the samples, those from the given numbers of floats and histograms on, in order of time.
pub(crate) fn sort_all_from(samples: &mut Samples, floats: usize, histograms: usize) {
    sort_from(samples, floats);
    histograms::sort_from(&mut samples.histograms, histograms);
}

/// Puts the floats from the `from`-th on in order of time; of several at one time the first stays.
fn sort_from(samples: &mut Samples, from: usize) {
    let timestamps = samples.timestamps.get(from..).unwrap_or_default();
    if timestamps.is_sorted_by(|a, b| a < b) {
        return;
    }
    let values = samples.values.get(from..).unwrap_or_default();
    let mut pairs: Vec<(i64, f64)> = timestamps.iter().copied().zip(values.iter().copied()).collect();
    pairs.sort_by_key(|(timestamp, _)| *timestamp);
    pairs.dedup_by_key(|(timestamp, _)| *timestamp);
    samples.timestamps.truncate(from);
    samples.values.truncate(from);
    pairs.into_iter().for_each(|(t, v)| samples.push(t, v));
}
