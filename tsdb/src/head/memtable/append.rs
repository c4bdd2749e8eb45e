//! Appending a batch: divided into rows, one lock a row.

use std::sync::atomic::Ordering::Relaxed;

use model::metrics::{AppendReport, HistogramRow, RefSample, Rejected, SeriesRef, StartRow};

use super::{Entry, Memtable};
use crate::head::Bounds;
use crate::head::page::{page_of, parts, ref_parts, slot_of};
use crate::head::page_data::{Appending, Tally};
use crate::head::row::Visible;
use crate::head::run::Scratch;

/// A batch whose first rows have fewer samples than this on average is sorted by page and time.
const SORT_BELOW: usize = 8;
/// So many rows are looked at for that.
const SORT_AFTER: usize = 16;

impl Memtable {
    /// Appends samples; they are visible to those who see `batch`, and adds to `report`. `log` gets each record (bytes,
    /// kind) while the page is locked, so that the log has a page's records in the order in which they changed it; it
    /// must not call back.
    ///
    /// Samples of one page and time that follow one another in slot order cost the least; a batch that has them in
    /// disorder is sorted. Gives the earliest time of what was stored and had not been before.
    pub fn append(
        &self,
        batch: u64,
        samples: &[RefSample],
        bounds: &Bounds,
        log: &mut dyn FnMut(&[u8], u8),
        report: &mut AppendReport,
    ) -> Option<i64> {
        let mut appending = self.appending(batch, bounds, log, report);
        let mut done = 0;
        let mut rows = 0;
        while done < samples.len() {
            if rows == SORT_AFTER && done < SORT_AFTER * SORT_BELOW && samples.len() - done > SORT_BELOW {
                self.append_sorted(samples, done, &mut appending);
                break;
            }
            let rest = samples.get(done..).unwrap_or_default();
            let row = rest.get(..row_len(rest)).unwrap_or(rest);
            self.append_row(row, &|i| done + i, &mut appending);
            done += row.len();
            rows += 1;
        }
        self.count(&appending.tally);
        appending.tally.oldest_ms
    }

    /// Appends the samples from the `from`-th on, by page, time and slot.
    fn append_sorted(&self, samples: &[RefSample], from: usize, appending: &mut Appending<'_>) {
        let mut places: Vec<usize> = (from..samples.len()).collect();
        let key = |&place: &usize| {
            let sample = samples.get(place);
            sample.map(|s| (page_of(s.series), s.timestamp_ms, slot_of(s.series)))
        };
        places.sort_by_cached_key(key);
        let sorted: Vec<RefSample> = places
            .iter()
            .filter_map(|&place| samples.get(place))
            .copied()
            .collect();
        let mut done = 0;
        while done < sorted.len() {
            let rest = sorted.get(done..).unwrap_or_default();
            let row = rest.get(..row_len(rest)).unwrap_or(rest);
            let place = |i: usize| places.get(done + i).copied().unwrap_or_default();
            self.append_row(row, &place, appending);
            done += row.len();
        }
        appending
            .report
            .rejected
            .sort_unstable_by_key(|(place, _)| *place);
    }

    /// Appends native histograms, as [`Memtable::append`] does floats. Consecutive ones of a page cost one lock.
    pub fn append_histograms(
        &self,
        batch: u64,
        rows: &[HistogramRow],
        bounds: &Bounds,
        log: &mut dyn FnMut(&[u8], u8),
        report: &mut AppendReport,
    ) -> Option<i64> {
        let mut appending = self.appending(batch, bounds, log, report);
        let mut done = 0;
        for rows in rows.chunk_by(|a, b| page_of(a.series) == page_of(b.series)) {
            let place = |i: usize| done + i;
            let Some(first) = rows.first() else { continue };
            let entered = self.enter(first.series, |entry| {
                let mut data = entry.data.lock();
                data.append_histograms(&entry.page, rows, &place, &mut appending);
            });
            if entered.is_none() {
                let rejected = (0..rows.len()).map(|i| (place(i), Rejected::UnknownSeries));
                appending.report.rejected.extend(rejected);
            }
            done += rows.len();
        }
        self.count(&appending.tally);
        appending.tally.oldest_ms
    }

    /// Remembers from when on counters count. Rows whose handles are not known are dropped.
    pub fn append_starts(&self, rows: &[StartRow], log: &mut dyn FnMut(&[u8], u8)) {
        let mut report = AppendReport::default();
        let mut appending = self.appending(0, &Bounds::NONE, log, &mut report);
        for rows in rows.chunk_by(|a, b| page_of(a.series) == page_of(b.series)) {
            if let Some(first) = rows.first() {
                self.enter(first.series, |entry| {
                    entry.data.lock().append_starts(&entry.page, rows, &mut appending);
                });
            }
        }
        self.count(&appending.tally);
    }

    fn appending<'a>(
        &self,
        batch: u64,
        bounds: &'a Bounds,
        log: &'a mut dyn FnMut(&[u8], u8),
        report: &'a mut AppendReport,
    ) -> Appending<'a> {
        Appending {
            batch,
            sealable: Visible::up_to(self.sealable.load(Relaxed)),
            bounds,
            log: Some(log),
            report,
            tally: Tally::default(),
            record: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Appends samples of one page and one time in rising slots.
    fn append_row(&self, row: &[RefSample], place: &dyn Fn(usize) -> usize, appending: &mut Appending<'_>) {
        let Some(first) = row.first() else { return };
        let appended = self.enter(first.series, |entry| {
            entry.data.lock().append(&entry.page, row, place, appending)
        });
        match appended {
            Some(Ok(())) => {}
            // Runs are made here and never leave memory: only a bug in the codec could get here, and it must not take
            // ingestion down.
            Some(Err(_)) => tracing::error!("a sealed run of the head does not decode"),
            None => {
                let rejected = (0..row.len()).map(|i| (place(i), Rejected::UnknownSeries));
                appending.report.rejected.extend(rejected);
            }
        }
    }

    /// Runs `f` on the series' page; `None`: the handle means no page that takes samples.
    fn enter<R>(&self, series: SeriesRef, mut f: impl FnMut(&Entry) -> R) -> Option<R> {
        let (tag, id) = ref_parts(series);
        let (index, _) = parts(id);
        for _ in 0..2 {
            // The read lock is held until the samples are in: whoever holds the write lock knows that nobody is between
            // looking whether a series is alive and storing its sample.
            let entries = self.entries.read();
            let entry = entries.get(index as usize).and_then(Option::as_ref);
            if let Some(entry) = entry.filter(|entry| entry.page.tag == tag) {
                return Some(f(entry));
            }
            drop(entries);
            let page = self.table.page(index, tag).filter(|page| !page.is_retired())?;
            self.attach(&page);
        }
        None
    }
}

/// How many samples from the first on are of one page and one time, in rising slots.
fn row_len(samples: &[RefSample]) -> usize {
    let follows = |pair: &[RefSample]| match pair {
        [a, b] => {
            page_of(a.series) == page_of(b.series)
                && a.series.0 < b.series.0
                && a.timestamp_ms == b.timestamp_ms
        }
        _ => false,
    };
    1 + samples.windows(2).take_while(|pair| follows(pair)).count()
}
