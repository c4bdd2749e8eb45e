//! A memtable from the records of a log.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use model::metrics::{AppendReport, RefSample};
use rustc_hash::FxHashMap;

use super::{Entry, Memtable};
use crate::bytes::Malformed;
use crate::head::Bounds;
use crate::head::page_data::{Appending, Tally};
use crate::head::record::{self, Previous, RECORD_HISTOGRAMS, RECORD_PAGE, RECORD_ROW, RECORD_STARTS};
use crate::head::row::Visible;
use crate::head::run::Scratch;

/// Fills a memtable from the records of one generation of a log.
pub struct Replay<'a> {
    memtable: &'a Memtable,
    /// By the tag the log knows it by.
    pages: FxHashMap<u32, (Arc<Entry>, Previous)>,
    report: AppendReport,
    scratch: Scratch,
    samples: Vec<RefSample>,
}

impl Memtable {
    /// Takes the records of one generation of a log in their order; several generations one after the other, the
    /// oldest first, each with a `Replay` of its own. Everything in this memtable is visible from now on, and its table
    /// is to have no other: its series are not found by key.
    pub fn replay(&self) -> Replay<'_> {
        self.is_replayed.store(true, Relaxed);
        Replay {
            memtable: self,
            pages: FxHashMap::default(),
            report: AppendReport::default(),
            scratch: Scratch::default(),
            samples: Vec::new(),
        }
    }
}

impl Replay<'_> {
    /// Applies the next record; gives the samples in it.
    ///
    /// # Errors
    /// It is no record of this version, or does not fit what came before. Nothing was changed, but rows of the same page
    /// that follow cannot be understood any more: stop here.
    pub fn apply(&mut self, kind: u8, record: &[u8]) -> Result<usize, Malformed> {
        let (tag, rest) = record::tag(record)?;
        match kind {
            RECORD_PAGE => {
                let (labels, bearers) = record::page_labels(rest)?;
                let page = self.memtable.table.adopt(labels, &bearers).ok_or(Malformed)?;
                let entry = self.memtable.attach(&page);
                self.pages.insert(tag, (entry, Previous::default()));
                Ok(0)
            }
            RECORD_ROW => self.row(tag, rest),
            RECORD_HISTOGRAMS => self.histograms(tag, rest),
            RECORD_STARTS => self.starts(tag, rest),
            _ => Err(Malformed),
        }
    }

    fn row(&mut self, tag: u32, rest: &[u8]) -> Result<usize, Malformed> {
        let (entry, previous) = self.pages.get_mut(&tag).ok_or(Malformed)?;
        record::row(rest, entry.page.width(), previous, &mut self.samples)?;
        let mut appending = replaying(&mut self.report, &mut self.scratch);
        let restored = entry
            .data
            .lock()
            .restore(&entry.page, &self.samples, &mut appending);
        self.memtable.count(&appending.tally);
        self.scratch = appending.scratch;
        restored.map(|()| self.samples.len())
    }

    fn histograms(&mut self, tag: u32, rest: &[u8]) -> Result<usize, Malformed> {
        let (entry, _) = self.pages.get(&tag).ok_or(Malformed)?;
        let rows = record::histograms(rest, entry.page.width())?;
        let mut appending = replaying(&mut self.report, &mut self.scratch);
        let mut data = entry.data.lock();
        for row in &rows {
            data.store_histogram(row, &mut appending);
        }
        self.memtable.count(&appending.tally);
        self.scratch = appending.scratch;
        Ok(rows.len())
    }

    fn starts(&mut self, tag: u32, rest: &[u8]) -> Result<usize, Malformed> {
        let (entry, _) = self.pages.get(&tag).ok_or(Malformed)?;
        let rows = record::starts(rest, entry.page.width())?;
        let mut appending = replaying(&mut self.report, &mut self.scratch);
        entry
            .data
            .lock()
            .append_starts(&entry.page, &rows, &mut appending);
        self.memtable.count(&appending.tally);
        self.scratch = appending.scratch;
        Ok(0)
    }
}

/// What stores rows that were judged before.
fn replaying<'a>(report: &'a mut AppendReport, scratch: &mut Scratch) -> Appending<'a> {
    Appending {
        batch: 0,
        sealable: Visible::ALL,
        bounds: &Bounds::NONE,
        log: None,
        report,
        tally: Tally::default(),
        record: Vec::new(),
        scratch: std::mem::take(scratch),
    }
}
