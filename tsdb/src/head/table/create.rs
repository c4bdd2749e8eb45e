//! Making series: those that come together with one timestamp become pages.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use model::metrics::{NewSeries, Rejected, SeriesRef};
use model::{Labels, SeriesKey};
use rustc_hash::FxHashMap;

use super::SeriesTable;
use crate::head::MAX_WIDTH;
use crate::head::arena::{ArenaBuilder, LabelArena};
use crate::head::page::{MAX_PAGES, Page};

/// A label set has at most so many labels …
const MAX_LABELS: usize = 1024;
/// … and so many bytes of text.
const MAX_LABEL_BYTES: usize = 128 << 10;

/// What making series needs, one at a time.
#[derive(Default)]
pub(crate) struct Maker {
    /// Live series by metric name.
    by_metric: FxHashMap<Box<str>, u64>,
    /// The tag of the last page.
    tag: u32,
    /// Indices that were in use and are no more.
    free: Vec<u32>,
    /// The first index never used.
    unused: u32,
    scratch: Vec<u8>,
}

impl Maker {
    /// The index and tag of the next page.
    fn number(&mut self) -> Option<(u32, u32)> {
        let tag = self.tag.checked_add(1)?;
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.unused < MAX_PAGES => {
                self.unused += 1;
                self.unused - 1
            }
            None => return None,
        };
        self.tag = tag;
        Some((index, tag))
    }

    pub(super) fn free(&mut self, index: u32) {
        self.free.push(index);
    }

    pub(super) fn forget(&mut self, metric: &str) {
        if let Some(count) = self.by_metric.get_mut(metric) {
            *count -= 1;
            if *count == 0 {
                self.by_metric.remove(metric);
            }
        }
    }
}

/// What a call to create has found out so far.
#[derive(Default)]
struct Plan<'a> {
    /// Series to be made.
    new: Vec<(SeriesKey, &'a NewSeries)>,
    /// Which of the new ones a place of the call means.
    places: Vec<(usize, usize)>,
    by_key: FxHashMap<SeriesKey, usize>,
}

/// Whether a label set can become a series: not empty, no empty name, within bounds.
fn is_valid(labels: &Labels) -> bool {
    !labels.is_empty()
        && labels.len() <= MAX_LABELS
        && labels.iter().all(|(name, _)| !name.is_empty())
        && labels.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() <= MAX_LABEL_BYTES
}

impl SeriesTable {
    /// Makes series, or finds those that exist; `refs` is set to a handle or the reason why not for each. Calls from
    /// several threads make a series once.
    pub fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        refs.clear();
        let mut maker = self.maker.lock();
        let plan = self.plan(&mut maker, series, refs);
        let mut made = Vec::with_capacity(plan.new.len());
        let groups = plan.new.chunk_by(|a, b| a.1.timestamp_ms == b.1.timestamp_ms);
        for group in groups.flat_map(|group| group.chunks(MAX_WIDTH)) {
            let page = self.make_page(&mut maker, group);
            made.extend((0..group.len()).map(|slot| match &page {
                Some(page) => Ok(page.series_ref(slot)),
                None => Err(Rejected::SeriesLimit),
            }));
        }
        for (place, new) in plan.places {
            if let (Some(entry), Some(result)) = (refs.get_mut(place), made.get(new)) {
                *entry = *result;
            }
        }
    }

    fn plan<'a>(
        &self,
        maker: &mut Maker,
        series: &'a [NewSeries],
        refs: &mut Vec<Result<SeriesRef, Rejected>>,
    ) -> Plan<'a> {
        let mut plan = Plan::default();
        let directory = self.directory.read();
        for (place, new) in series.iter().enumerate() {
            if !is_valid(&new.labels) {
                refs.push(Err(Rejected::InvalidLabels));
                continue;
            }
            let key = SeriesKey::of(&new.labels, &mut maker.scratch);
            if let Some(known) = directory.lookup_ref(key) {
                refs.push(Ok(known));
                continue;
            }
            refs.push(Err(Rejected::SeriesLimit));
            let next = plan.new.len();
            if let Some(&same) = plan.by_key.get(&key) {
                plan.places.push((place, same));
            } else if self.has_room(maker, &new.labels, next as u64) {
                plan.by_key.insert(key, next);
                plan.new.push((key, new));
                plan.places.push((place, next));
            }
        }
        plan
    }

    /// Whether one more series may be, besides `planned` others; counts it or the refusal.
    fn has_room(&self, maker: &mut Maker, labels: &Labels, planned: u64) -> bool {
        let metric = labels.metric_name();
        let of_metric = maker.by_metric.get(metric).copied().unwrap_or(0);
        let over = |limit: u64, count: u64| limit > 0 && count >= limit;
        if over(self.limits.max_series, self.len() + planned) {
            self.refused.lock().series += 1;
            return false;
        }
        if over(self.limits.max_series_per_metric, of_metric) {
            self.refused.lock().series_per_metric += 1;
            return false;
        }
        if over(self.limits.max_bytes, self.bytes()) {
            self.refused.lock().bytes += 1;
            return false;
        }
        match maker.by_metric.get_mut(metric) {
            Some(count) => *count += 1,
            None => drop(maker.by_metric.insert(metric.into(), 1)),
        }
        true
    }

    /// Makes a page of new series of one timestamp.
    fn make_page(&self, maker: &mut Maker, group: &[(SeriesKey, &NewSeries)]) -> Option<Arc<Page>> {
        let Some((index, tag)) = maker.number() else {
            group
                .iter()
                .for_each(|(_, new)| maker.forget(new.labels.metric_name()));
            return None;
        };
        let mut builder = ArenaBuilder::default();
        group.iter().for_each(|(_, new)| builder.push(new.labels.iter()));
        let (labels, bearers) = builder.finish();
        let keys = group.iter().map(|(key, _)| *key).collect();
        let page = Arc::new(Page::new(index, tag, labels, keys));
        self.insert(&page, &bearers);
        Some(page)
    }

    /// Makes a page of what a log says; its series are not found by key. `None`: there are too many pages.
    pub(crate) fn adopt(&self, labels: LabelArena, bearers: &[Vec<u16>]) -> Option<Arc<Page>> {
        let (index, tag) = self.maker.lock().number()?;
        self.adopted.store(true, Relaxed);
        let page = Arc::new(Page::new(index, tag, labels, Vec::new()));
        let slots = 0..page.width();
        for slot in slots.filter(|&slot| page.labels.list(slot).next().is_none()) {
            page.forget(slot);
        }
        self.insert(&page, bearers);
        Some(page)
    }

    /// Shows a page. First the postings: a series that can be found by key can be selected.
    fn insert(&self, page: &Arc<Page>, bearers: &[Vec<u16>]) {
        let live = (0..page.width()).filter(|&slot| page.is_live(slot));
        let ids: Vec<u32> = live.map(|slot| page.id(slot)).collect();
        let mut bearing = Vec::new();
        let mut postings = self.postings.write();
        postings.add_series(&ids);
        for name in 0..page.labels.names() {
            for pair in page.labels.first_pair(name)..page.labels.first_pair(name + 1) {
                bearing.clear();
                let slots = bearers.get(pair as usize).map_or(&[][..], Vec::as_slice);
                bearing.extend(slots.iter().map(|&slot| page.id(usize::from(slot))));
                postings.add_pair(page.labels.name(name), page.labels.value(pair), &bearing);
            }
        }
        drop(postings);
        self.directory.write().insert(page);
        self.order.add(&ids);
        self.live.fetch_add(ids.len() as u64, Relaxed);
        self.bytes.fetch_add(page.bytes() as u64, Relaxed);
    }
}
