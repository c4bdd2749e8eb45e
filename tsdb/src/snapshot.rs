//! What a query runs on: one moment of head and blocks.
//!
//! A snapshot holds a [`Lease`]; it sees the batches committed before it was taken, whatever is appended, cut or
//! compacted meanwhile. Selecting resolves the matchers on each block and on the head, sorts what was found by
//! labels, and reads samples only as the caller goes on. Only for names and values asked without matchers does the
//! head answer with the labels it has now.

mod select;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::metrics::{MetricSnapshot, SelectHints, SeriesSet};
use model::{Labels, Matcher, StoreError};

use crate::block::{Block, SeriesReader};
use crate::head::{Head, Series};
use crate::postings::resolve;
use crate::view::Lease;
use select::{Candidate, Place, Selection, group};

/// An immutable view between two times.
pub(crate) struct Snapshot {
    start_ms: i64,
    end_ms: i64,
    lease: Arc<Lease>,
    head: Arc<Head>,
}

impl Snapshot {
    pub(crate) fn new(start_ms: i64, end_ms: i64, lease: Lease, head: Arc<Head>) -> Self {
        Snapshot {
            start_ms,
            end_ms,
            lease: Arc::new(lease),
            head,
        }
    }

    /// The blocks that reach into a range, the oldest first.
    fn blocks(&self, start_ms: i64, end_ms: i64) -> impl Iterator<Item = &Arc<Block>> {
        let within = move |b: &&Arc<Block>| b.meta().min_ms <= end_ms && b.meta().max_ms > start_ms;
        self.lease.blocks.iter().filter(within)
    }

    /// Series that satisfy the matchers and whose span reaches into the range, sorted by labels, then by age of
    /// where they lie. At most `max` label sets, 0 for no bound.
    fn candidates(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max: u64,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut found = Vec::new();
        for (age, block) in self.blocks(start_ms, end_ms).enumerate() {
            let mut reader = SeriesReader::new(Arc::clone(block), resolve(&**block, matchers)?);
            while let Some(series) = reader.next()? {
                if series
                    .chunks
                    .iter()
                    .any(|c| c.max_ms >= start_ms && c.min_ms <= end_ms)
                {
                    let place = Place::Block(Arc::clone(block), series.chunks);
                    found.push(Candidate {
                        labels: series.labels,
                        age,
                        place,
                    });
                }
            }
        }
        for series in self.head_series(matchers)? {
            if series.data.lock().may_have(start_ms, end_ms) {
                let (labels, place) = (series.labels.clone(), Place::Head(series));
                found.push(Candidate {
                    labels,
                    age: usize::MAX,
                    place,
                });
            }
        }
        found.sort_by(|a, b| a.labels.cmp(&b.labels).then(a.age.cmp(&b.age)));
        let count = found.chunk_by(|a, b| a.labels == b.labels).count() as u64;
        if max > 0 && count > max {
            return Err(StoreError::Limit {
                what: "series",
                limit: max,
            });
        }
        Ok(found)
    }

    fn head_series(&self, matchers: &[Matcher]) -> Result<Vec<Arc<Series>>, StoreError> {
        let index = self.head.index.read();
        let slots = resolve(&index.postings, matchers)?;
        Ok(slots
            .iter()
            .filter_map(|slot| index.by_slot(slot).cloned())
            .collect())
    }

    fn range(&self, hints: &SelectHints) -> (i64, i64) {
        (hints.start_ms.max(self.start_ms), hints.end_ms.min(self.end_ms))
    }
}

impl MetricSnapshot for Snapshot {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        let (start_ms, end_ms) = self.range(hints);
        let candidates = self.candidates(matchers, start_ms, end_ms, hints.max_series)?;
        Ok(Box::new(Selection::new(
            candidates,
            Arc::clone(&self.lease),
            start_ms,
            end_ms,
        )))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let mut candidates = self
            .candidates(matchers, self.start_ms, self.end_ms, 0)?
            .into_iter()
            .peekable();
        let mut found = Vec::new();
        while let Some((labels, places)) = group(&mut candidates) {
            if select::any(&places, self.lease.view, self.start_ms, self.end_ms)? {
                found.push(labels);
            }
        }
        Ok(found)
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let mut names = BTreeSet::new();
        if matchers.is_empty() {
            for block in self.blocks(self.start_ms, self.end_ms) {
                names.extend(block.label_names().map(str::to_owned));
            }
            names.extend(
                self.head
                    .index
                    .read()
                    .postings
                    .iter()
                    .map(|(name, _)| name.to_owned()),
            );
        } else {
            for labels in self.series(matchers)? {
                for (name, _) in labels.iter() {
                    if !names.contains(name) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        Ok(names.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let mut values = BTreeSet::new();
        if matchers.is_empty() {
            for block in self.blocks(self.start_ms, self.end_ms) {
                values.extend(block.label_values(name).map(str::to_owned));
            }
            values.extend(
                self.head
                    .index
                    .read()
                    .postings
                    .values(name)
                    .map(|(value, _)| value.to_owned()),
            );
        } else {
            let labels = self.series(matchers)?;
            values.extend(
                labels
                    .iter()
                    .filter_map(|labels| labels.get(name))
                    .map(str::to_owned),
            );
        }
        Ok(values.into_iter().collect())
    }
}
