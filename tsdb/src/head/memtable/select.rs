//! Series of a memtable that have samples in a range, and reading them.
//!
//! Everything is done a page at a time: one lock to find out which of its series have samples, one more for the newest
//! sample of all of them. Labels are put together when they are asked for.

use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, Matcher, StoreError};
use roaring::RoaringBitmap;

use super::{Entry, Memtable};
use crate::bytes::Malformed;
use crate::error::corrupt;
use crate::head::page;
use crate::head::row::{Slots, Visible, has, set};
use crate::head::run::Scratch;

/// The newest sample of a series, if it has one.
pub type Newest = Option<(i64, f64)>;

/// See the module. The same labels may be there twice: a series that was forgotten and came again has two ids.
pub struct HeadSelection {
    groups: Vec<Group>,
    slots: Vec<u16>,
    visible: Visible,
    may_repeat: bool,
}

/// The selected series of one page.
struct Group {
    entry: Arc<Entry>,
    /// The first of them, in the selection, and how many they are.
    first: u32,
    len: u32,
}

fn malformed(_: Malformed) -> StoreError {
    corrupt("a run in memory", "does not decode")
}

impl Memtable {
    /// The series that satisfy all matchers and have a sample in the range that those see who see `visible`.
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn selection(
        &self,
        matchers: &[Matcher],
        visible: u64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<HeadSelection, StoreError> {
        let mut selection = HeadSelection {
            groups: Vec::new(),
            slots: Vec::new(),
            visible: self.visible(visible),
            may_repeat: self.table.may_repeat(),
        };
        self.present(matchers, visible, (start_ms, end_ms), &mut |entry, slots| {
            let first = selection.slots.len();
            let here = (0..entry.page.width()).filter(|&slot| has(slots, slot));
            selection.slots.extend(here.map(|slot| slot as u16));
            selection.groups.push(Group {
                entry: Arc::clone(entry),
                first: first as u32,
                len: (selection.slots.len() - first) as u32,
            });
        })?;
        Ok(selection)
    }

    /// As [`Memtable::selection`], the table's ids: for [`label_names`](crate::head::SeriesTable::label_names) and
    /// [`label_values`](crate::head::SeriesTable::label_values).
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn select_ids(
        &self,
        matchers: &[Matcher],
        visible: u64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<RoaringBitmap, StoreError> {
        let mut found = RoaringBitmap::new();
        self.present(matchers, visible, (start_ms, end_ms), &mut |entry, slots| {
            let here = (0..entry.page.width()).filter(|&slot| has(slots, slot));
            found.extend(here.map(|slot| entry.page.id(slot)));
        })?;
        Ok(found)
    }

    /// Gives each page with the slots that satisfy all matchers and have a sample.
    fn present(
        &self,
        matchers: &[Matcher],
        visible: u64,
        (start_ms, end_ms): (i64, i64),
        found: &mut dyn FnMut(&Arc<Entry>, &Slots),
    ) -> Result<(), StoreError> {
        let candidates = self.table.select(matchers)?;
        let visible = self.visible(visible);
        let mut scratch = Scratch::default();
        let mut ids = candidates.iter().peekable();
        while let Some(&id) = ids.peek() {
            let (index, _) = page::parts(id);
            let mut wanted = Slots::default();
            while let Some(id) = ids.next_if(|&id| page::parts(id).0 == index) {
                set(&mut wanted, page::parts(id).1);
            }
            let Some(entry) = self.entry(index) else { continue };
            let data = entry.data.lock();
            if !data.meets(start_ms, end_ms) {
                continue;
            }
            let present = data.present(&wanted, visible, start_ms, end_ms, &mut scratch);
            drop(data);
            let present = present.map_err(malformed)?;
            if present != Slots::default() {
                found(&entry, &present);
            }
        }
        Ok(())
    }
}

impl HeadSelection {
    /// How many series there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether a label set may be there twice.
    pub(crate) fn may_repeat(&self) -> bool {
        self.may_repeat
    }

    fn group(&self, at: usize) -> Option<&Group> {
        let after = self.groups.partition_point(|group| group.first as usize <= at);
        self.groups.get(after.checked_sub(1)?)
    }

    fn slot(&self, at: usize) -> usize {
        self.slots.get(at).map_or(0, |slot| usize::from(*slot))
    }

    /// The labels of a series.
    pub fn labels(&self, at: usize) -> Labels {
        let group = self.group(at);
        group.map_or_else(Labels::empty, |group| {
            group.entry.page.labels.labels(self.slot(at))
        })
    }

    /// The identities of all series, see [`crate::identity`].
    pub(crate) fn identities(&self) -> Vec<u128> {
        let mut identities = Vec::with_capacity(self.len());
        for group in &self.groups {
            let labels = &group.entry.page.labels;
            let pairs = labels.identities();
            let range = group.first as usize..(group.first + group.len) as usize;
            identities.extend(self.slots.get(range).unwrap_or_default().iter().map(|&slot| {
                let of_pair = |pair: u32| pairs.get(pair as usize).copied().unwrap_or(0);
                labels
                    .list(usize::from(slot))
                    .fold(0u128, |sum, pair| sum.wrapping_add(of_pair(pair)))
            }));
        }
        identities
    }

    /// A reader that has nothing at hand yet.
    pub fn reader(&self) -> HeadReader<'_> {
        HeadReader {
            selection: self,
            group: None,
            newest: Vec::new(),
            newest_from: 0,
            scratch: Scratch::default(),
        }
    }
}

/// Reads selected series; one a thread.
pub struct HeadReader<'a> {
    selection: &'a HeadSelection,
    /// The page at hand.
    group: Option<&'a Group>,
    /// The newest samples of series from this one on, in the selection, as far as the page goes.
    newest: Vec<Newest>,
    newest_from: usize,
    scratch: Scratch,
}

impl<'a> HeadReader<'a> {
    fn group(&mut self, at: usize) -> Option<&'a Group> {
        let holds = |group: &&Group| (group.first as usize..(group.first + group.len) as usize).contains(&at);
        self.group = self.group.filter(holds).or_else(|| self.selection.group(at));
        self.group
    }

    /// Appends the visible samples of a series from `start_ms` to `end_ms`, both inclusive, in order of time.
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn read(
        &mut self,
        at: usize,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let Some(group) = self.group(at) else {
            return Ok(());
        };
        let (slot, visible) = (self.selection.slot(at), self.selection.visible);
        let data = group.entry.data.lock();
        data.read(slot, visible, start_ms, end_ms, &mut self.scratch, into)
            .map_err(malformed)
    }

    /// The newest sample of a series in the range; `Ok(None)` says nothing.
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn newest(&mut self, at: usize, start_ms: i64, end_ms: i64) -> Result<Newest, StoreError> {
        let place = |reader: &Self| at.checked_sub(reader.newest_from);
        let known = place(self).and_then(|place| self.newest.get(place).copied());
        if let Some(newest) = known {
            return Ok(newest);
        }
        let Some(group) = self.group(at) else {
            return Ok(None);
        };
        let slots = self.selection.slots.get(at..(group.first + group.len) as usize);
        let slots = slots.unwrap_or_default();
        self.newest.clear();
        self.newest.resize(slots.len(), None);
        self.newest_from = at;
        let data = group.entry.data.lock();
        data.newest(
            slots,
            self.selection.visible,
            (start_ms, end_ms),
            &mut self.scratch,
            &mut self.newest,
        )
        .map_err(malformed)?;
        Ok(self.newest.first().copied().flatten())
    }
}
