//! One page being read against what its target showed last time.
//!
//! As long as the page repeats the last good one, each line is one comparison of a hash and one number. Where it departs
//! from it, places are looked for: next to where the page stands, then in an index over all series, which is built for
//! this page only. What is new is decoded, and stands behind what is known until the page is taken; then the memory is
//! put in the page's order.

use model::metrics::SeriesRef;
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::cache::{Entry, ScrapeCache, text_hash};
use super::descriptions::Descriptions;
use super::exemplar;
use super::labels::final_labels;
use super::process::{Counts, Rules, ScrapeError};
use crate::exposition::{Event, Format, Parser, Series, decode_labels};

/// So many series may be missing from the page before the index is asked.
const LOOK_AHEAD: usize = 4;

pub(super) struct Page<'a> {
    cache: &'a mut ScrapeCache,
    rules: &'a Rules<'a>,
    scrape_ms: i64,
    batch: &'a mut Batch,
    pub(super) counts: Counts,
    /// How many series the last good page left; what is new stands behind them.
    known: usize,
    /// The place that the next line should have.
    next: usize,
    /// The places of the series that the page has shown, where they are not simply the first ones.
    order: Option<Vec<u32>>,
    /// From hashes to places, once it has been needed.
    index: Option<FxHashMap<u64, u32>>,
    /// Series that begin or cease to need a marker at their end, if the page is taken.
    live: Vec<(u32, bool)>,
    descriptions: Descriptions,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        cache: &'a mut ScrapeCache,
        rules: &'a Rules<'a>,
        scrape_ms: i64,
        batch: &'a mut Batch,
    ) -> Page<'a> {
        cache.round = !cache.round;
        let known = cache.entries.len();
        batch.samples.reserve(known);
        Page {
            cache,
            rules,
            scrape_ms,
            batch,
            counts: Counts::default(),
            known,
            next: 0,
            order: None,
            index: None,
            live: Vec::new(),
            descriptions: Descriptions::default(),
        }
    }

    pub(super) fn read(&mut self, body: &[u8], format: Format) -> Result<(), ScrapeError> {
        let mut parser = Parser::new(body, format);
        loop {
            if parser.at_comment() {
                if self.descriptions.skip(self.cache, &mut parser) {
                    continue;
                }
            } else if let Some(series) = self.predicted(&mut parser) {
                self.descriptions.close(self.cache, body);
                if !self.as_ever(&series) {
                    self.show(self.next);
                    self.sample(self.next, &series)?;
                }
                self.next += 1;
                continue;
            }
            let start = parser.position();
            match parser.next() {
                None | Some(Ok(Event::Eof)) => break,
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Event::Series(series))) => {
                    self.descriptions.close(self.cache, body);
                    self.unpredicted(&series)?;
                }
                Some(Ok(event)) => {
                    let place = start..parser.position();
                    self.descriptions.read(self.cache, body, &event, place);
                }
            }
        }
        self.descriptions.close(self.cache, body);
        let limit = self.rules.limits.samples;
        if limit > 0 && self.counts.post_relabel as u64 > limit {
            return Err(ScrapeError::SampleLimit { limit });
        }
        Ok(())
    }

    fn predicted<'b>(&self, parser: &mut Parser<'b>) -> Option<Series<'b>> {
        let entry = self.cache.entries.get(..self.known)?.get(self.next)?;
        parser.expect(entry.len as usize, |text| text_hash(text) == entry.hash)
    }

    /// Takes the sample of the series that was expected next, if nothing about it needs a thought: the way of nearly all.
    fn as_ever(&mut self, series: &Series<'_>) -> bool {
        let round = self.cache.round;
        let Some(entry) = self.cache.entries.get_mut(self.next) else {
            return false;
        };
        let plain = entry.live && !entry.dropped && entry.seen != round && entry.series != SeriesRef::UNKNOWN;
        let bare = series.timestamp_ms.is_none() && series.exemplar.is_none();
        if !plain || !bare || self.rules.limits.samples > 0 {
            return false;
        }
        entry.seen = round;
        if let Some(order) = &mut self.order {
            order.push(place(self.next));
        }
        self.counts.scraped += 1;
        self.counts.post_relabel += 1;
        self.batch.push(entry.series, self.scrape_ms, series.value);
        true
    }

    fn unpredicted(&mut self, series: &Series<'_>) -> Result<(), ScrapeError> {
        let hash = text_hash(series.raw);
        let Some(slot) = self.find(hash, series.raw.len()) else {
            return self.begin(hash, series);
        };
        if !self.shown(slot) {
            // Before the place is left from which the page was as expected.
            self.depart();
            self.show(slot);
            self.next = if slot < self.known { slot + 1 } else { self.next };
        }
        self.sample(slot, series)
    }

    /// The place of a series that is not where it was.
    fn find(&mut self, hash: u64, len: usize) -> Option<usize> {
        // One line behind: a target that shows several samples of a series shows them together.
        let near = self.next.saturating_sub(1)..(self.next + LOOK_AHEAD).min(self.known);
        let entries = &self.cache.entries;
        let is = |slot: usize| {
            let entry = entries.get(slot);
            entry.is_some_and(|entry| entry.hash == hash && entry.len as usize == len)
        };
        if let Some(slot) = near.into_iter().find(|&slot| is(slot)) {
            return Some(slot);
        }
        let index = self
            .index
            .get_or_insert_with(|| entries.iter().map(|entry| entry.hash).zip(0..).collect());
        let slot = *index.get(&hash)? as usize;
        is(slot).then_some(slot)
    }

    /// A series that the target has not shown before.
    fn begin(&mut self, hash: u64, series: &Series<'_>) -> Result<(), ScrapeError> {
        let labels = final_labels(&decode_labels(series.raw)?, self.rules)?;
        self.counts.added += usize::from(labels.is_some());
        self.depart();
        let slot = self.cache.entries.len();
        self.cache.entries.push(Entry {
            hash,
            series: SeriesRef::UNKNOWN,
            len: u32::try_from(series.raw.len()).unwrap_or(u32::MAX),
            seen: !self.cache.round,
            live: false,
            dropped: labels.is_none(),
        });
        if let Some(index) = &mut self.index {
            index.insert(hash, place(slot));
        }
        self.show(slot);
        let before = self.batch.waiting.len();
        self.sample_of(slot, series);
        if let Some(labels) = labels.filter(|_| self.batch.waiting.len() > before) {
            let timestamp_ms = self.batch.samples.last().map_or(0, |sample| sample.timestamp_ms);
            self.batch.push_new(place(slot), labels, timestamp_ms);
        }
        Ok(())
    }

    fn sample(&mut self, slot: usize, series: &Series<'_>) -> Result<(), ScrapeError> {
        let first = !self.shown(slot);
        let before = self.batch.waiting.len();
        self.sample_of(slot, series);
        if first && self.batch.waiting.len() > before {
            // Known by its text, but the sink has refused or forgotten it: its labels are read from the page again.
            let timestamp_ms = self.batch.samples.last().map_or(0, |sample| sample.timestamp_ms);
            if let Some(labels) = final_labels(&decode_labels(series.raw)?, self.rules)? {
                self.batch.push_new(place(slot), labels, timestamp_ms);
            }
        }
        Ok(())
    }

    fn sample_of(&mut self, slot: usize, series: &Series<'_>) {
        self.counts.scraped += 1;
        let round = self.cache.round;
        let Some(entry) = self.cache.entries.get_mut(slot) else {
            return;
        };
        let repeated = entry.seen == round;
        entry.seen = round;
        if entry.dropped {
            return;
        }
        self.counts.post_relabel += 1;
        let own_time = series.timestamp_ms.filter(|_| self.rules.honor_timestamps);
        if repeated && own_time.is_none() {
            self.counts.duplicates += 1;
            return;
        }
        let live = own_time.is_none() || self.rules.track_timestamps_staleness;
        if entry.live != live {
            self.live.push((place(slot), live));
        }
        let limit = self.rules.limits.samples;
        if limit > 0 && self.counts.post_relabel as u64 > limit {
            // The rest of the page is still read, for its counts.
            return;
        }
        if let (Some(_), Some(exemplars)) = (series.exemplar, &mut self.batch.exemplars) {
            exemplars.extend(exemplar::of_line(series, self.rules, self.scrape_ms));
        }
        let timestamp_ms = own_time.unwrap_or(self.scrape_ms);
        if entry.series == SeriesRef::UNKNOWN {
            self.batch.push_waiting(place(slot), timestamp_ms, series.value);
        } else {
            self.batch.push(entry.series, timestamp_ms, series.value);
        }
    }

    /// Whether the page has shown the series at this place already.
    fn shown(&self, slot: usize) -> bool {
        let entry = self.cache.entries.get(slot);
        entry.is_some_and(|entry| entry.seen == self.cache.round)
    }

    /// From here on the order of the page is not that of the last one.
    fn depart(&mut self) {
        let next = self.next;
        self.order.get_or_insert_with(|| (0..place(next)).collect());
    }

    /// Notes the place of a series that the page shows for the first time.
    fn show(&mut self, slot: usize) {
        if self.order.is_some()
            && !self.shown(slot)
            && let Some(order) = &mut self.order
        {
            order.push(place(slot));
        }
    }

    /// Makes the page the one that the next is compared with. What it does not show ends.
    pub(super) fn accept(self) {
        let Page { cache, batch, .. } = self;
        for (slot, live) in self.live {
            if let Some(entry) = cache.entries.get_mut(slot as usize) {
                entry.live = live;
            }
        }
        if self.order.is_some() || self.next < cache.entries.len() {
            let gone = cache.entries.iter().filter(|entry| entry.seen != cache.round);
            let gone = gone.filter(|entry| entry.live && entry.series != SeriesRef::UNKNOWN);
            batch.gone.extend(gone.map(|entry| entry.series));
        }
        match self.order {
            Some(order) => reorder(cache, &order, batch),
            None if self.next < cache.entries.len() => {
                cache.entries.truncate(self.next);
                cache.entries.shrink_to_fit();
            }
            None => {}
        }
        batch.gone.append(&mut cache.orphans);
        self.descriptions.accept(cache, batch);
    }

    /// Leaves the memory as the last good page made it.
    pub(super) fn refuse(self) {
        self.cache.entries.truncate(self.known);
        if self.cache.entries.capacity() > 2 * self.known {
            self.cache.entries.shrink_to_fit();
        }
        for entry in &mut self.cache.entries {
            entry.seen = self.cache.round;
        }
    }
}

/// Puts the series that were shown in the order of the page and forgets the others.
fn reorder(cache: &mut ScrapeCache, order: &[u32], batch: &mut Batch) {
    let mut moved = vec![0; cache.entries.len()];
    let mut entries = Vec::with_capacity(order.len());
    for (&from, to) in order.iter().zip(0..) {
        if let (Some(entry), Some(place)) = (cache.entries.get(from as usize), moved.get_mut(from as usize)) {
            entries.push(*entry);
            *place = to;
        }
    }
    cache.entries = entries;
    let slots = batch.waiting.iter_mut().map(|(_, slot)| slot);
    for slot in slots.chain(&mut batch.new_slots) {
        *slot = moved.get(*slot as usize).copied().unwrap_or(*slot);
    }
}

/// A page is bounded far below four thousand million lines.
fn place(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}
