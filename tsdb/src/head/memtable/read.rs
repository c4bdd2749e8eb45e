//! Reading: one series, a selection, or everything in the order of labels.

use model::metrics::Samples;
use model::{Labels, Matcher, StoreError};
use roaring::RoaringBitmap;

use super::Memtable;
use crate::bytes::Malformed;
use crate::error::corrupt;
use crate::head::page;
use crate::head::page_data::sort_all_from;
use crate::head::run::Scratch;

/// A selection of this part of all series is put in order by the table's order, a smaller one by comparing.
const ORDERED_FROM: u64 = 16;

/// A series that [`Memtable::select`] found.
#[derive(Debug, Clone)]
pub struct HeadSeries {
    /// Its labels.
    pub labels: Labels,
    /// Usually one. A series that was forgotten and came again has another.
    ids: Vec<u32>,
}

fn malformed(_: Malformed) -> StoreError {
    corrupt("a run in memory", "does not decode")
}

impl Memtable {
    /// The series that satisfy all matchers and have a sample in the range that those see who see `visible`, in the
    /// order of their labels.
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn select(
        &self,
        matchers: &[Matcher],
        visible: u64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<HeadSeries>, StoreError> {
        let ids = self.select_ids(matchers, visible, start_ms, end_ms)?;
        let series = |id: u32| {
            let (index, slot) = page::parts(id);
            let entry = self.entry(index)?;
            let labels = entry.page.labels.labels(slot);
            Some(HeadSeries {
                labels,
                ids: vec![id],
            })
        };
        let mut found: Vec<HeadSeries> = if ids.len() * ORDERED_FROM > self.table.len() && ids.len() > 1 {
            let order = self.table.order();
            let selected = order.iter().copied().filter(|&id| ids.contains(id));
            selected.filter_map(series).collect()
        } else {
            let mut found: Vec<HeadSeries> = ids.iter().filter_map(series).collect();
            found.sort_by(|a, b| a.labels.cmp(&b.labels));
            found
        };
        found.dedup_by(|next, kept| {
            let same = next.labels == kept.labels;
            if same {
                kept.ids.append(&mut next.ids);
            }
            same
        });
        Ok(found)
    }

    /// As [`Memtable::select`], the table's ids alone: for [`label_names`](super::super::SeriesTable::label_names) and
    /// [`label_values`](super::super::SeriesTable::label_values).
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
        let candidates = self.table.select(matchers)?;
        let visible = self.visible(visible);
        let mut scratch = Scratch::default();
        let mut found = RoaringBitmap::new();
        let mut at = None;
        for id in candidates {
            let (index, slot) = page::parts(id);
            if at.as_ref().is_none_or(|(of, _)| *of != index) {
                at = Some((index, self.entry(index)));
            }
            let Some((_, Some(entry))) = &at else { continue };
            let data = entry.data.lock();
            if data.meets(start_ms, end_ms)
                && data
                    .has(slot, visible, start_ms, end_ms, &mut scratch)
                    .map_err(malformed)?
            {
                found.insert(id);
            }
        }
        Ok(found)
    }

    /// Appends the series' samples in the range that those see who see `visible`, in order of time.
    ///
    /// # Errors
    /// A run in memory is corrupt.
    pub fn read(
        &self,
        series: &HeadSeries,
        visible: u64,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let visible = self.visible(visible);
        let mut scratch = Scratch::default();
        let from = (into.timestamps.len(), into.histograms.len());
        for &id in &series.ids {
            let (index, slot) = page::parts(id);
            if let Some(entry) = self.entry(index) {
                let data = entry.data.lock();
                data.read(slot, visible, start_ms, end_ms, &mut scratch, into)
                    .map_err(malformed)?;
            }
        }
        sort_all_from(into, from.0, from.1);
        Ok(())
    }

    /// Hands every series that has samples in the range which those see who see `visible` to `f`, in the order of
    /// labels. Locks one page at a time, and none while `f` runs.
    ///
    /// # Errors
    /// What `f` fails with, or a run in memory is corrupt.
    pub fn for_each(
        &self,
        visible: u64,
        start_ms: i64,
        end_ms: i64,
        f: &mut dyn FnMut(&Labels, &Samples) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let visible = self.visible(visible);
        let order = self.table.order();
        // Pages without anything in the range are passed over as a whole: a flush asks for one window after the other.
        let mut entries = self.entries();
        for place in &mut entries {
            place.take_if(|entry| !entry.data.lock().meets(start_ms, end_ms));
        }
        let mut scratch = Scratch::default();
        let mut pending: Option<(Labels, Samples)> = None;
        let mut samples = Samples::default();
        for &id in &*order {
            let (index, slot) = page::parts(id);
            let Some(Some(entry)) = entries.get(index as usize) else {
                continue;
            };
            samples.clear();
            let data = entry.data.lock();
            data.read(slot, visible, start_ms, end_ms, &mut scratch, &mut samples)
                .map_err(malformed)?;
            drop(data);
            if samples.is_empty() {
                continue;
            }
            let labels = entry.page.labels.labels(slot);
            match &mut pending {
                Some((known, before)) if *known == labels => {
                    before.timestamps.append(&mut samples.timestamps);
                    before.values.append(&mut samples.values);
                    before.histograms.append(&mut samples.histograms);
                    let starts = samples.starts.changes();
                    starts
                        .iter()
                        .for_each(|&(from, start)| before.starts.push(from, start));
                    sort_all_from(before, 0, 0);
                }
                _ => {
                    let spare = match pending.take() {
                        Some((labels, before)) => {
                            f(&labels, &before)?;
                            before
                        }
                        None => Samples::default(),
                    };
                    pending = Some((labels, std::mem::replace(&mut samples, spare)));
                }
            }
        }
        pending.map_or(Ok(()), |(labels, samples)| f(&labels, &samples))
    }
}
