//! Reading everything in the order of labels.

use model::metrics::Samples;
use model::{Labels, StoreError};

use super::Memtable;
use crate::bytes::Malformed;
use crate::error::corrupt;
use crate::head::page;
use crate::head::page_data::sort_all_from;
use crate::head::run::Scratch;

fn malformed(_: Malformed) -> StoreError {
    corrupt("a run in memory", "does not decode")
}

impl Memtable {
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
