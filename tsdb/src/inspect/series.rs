//! The series of several blocks as one sequence.
//!
//! Without matchers each block is read from one end to the other, which takes little memory; with matchers the series
//! are looked up, and only what is wanted is read.

use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, Matcher, StoreError};

use crate::block::{Block, BlockSeries, SeriesReader};
use crate::import::prometheus::{in_order, retain};
use crate::tombstone::Erased;

/// Series in label order, each with all its samples of all blocks.
pub struct Merged<'a> {
    ways: Vec<Way>,
    erased: &'a Erased,
    start_ms: i64,
    end_ms: i64,
    scratch: Samples,
}

/// One block's series that are still to come.
struct Way {
    block: u64,
    /// The next series.
    labels: Option<Labels>,
    from: From,
}

enum From {
    Whole {
        reader: Box<SeriesReader>,
        samples: Samples,
    },
    Found(std::iter::Peekable<std::vec::IntoIter<BlockSeries>>),
}

impl<'a> Merged<'a> {
    pub(super) fn new(
        blocks: &[Arc<Block>],
        erased: &'a Erased,
        sets: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Merged<'a>, StoreError> {
        let mut ways = Vec::new();
        for block in blocks {
            if start_ms >= block.meta().max_ms || end_ms < block.meta().min_ms {
                continue;
            }
            let from = match sets {
                [] => From::Whole {
                    reader: Box::new(SeriesReader::new(Arc::clone(block))?),
                    samples: Samples::default(),
                },
                sets => From::Found(found(block, sets, start_ms, end_ms)?.into_iter().peekable()),
            };
            let mut way = Way {
                block: block.meta().id,
                labels: None,
                from,
            };
            way.advance()?;
            ways.push(way);
        }
        Ok(Merged {
            ways,
            erased,
            start_ms,
            end_ms,
            scratch: Samples::default(),
        })
    }

    /// Clears `into`, fills it with the next series' samples and gives its labels; `None` at the end. Series without a
    /// sample in the range are passed over.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn next(&mut self, into: &mut Samples) -> Result<Option<Labels>, StoreError> {
        loop {
            into.clear();
            let Some(labels) = self.ways.iter().filter_map(|w| w.labels.as_ref()).min().cloned() else {
                return Ok(None);
            };
            // The oldest first: of several samples at one time the first stays.
            for way in self
                .ways
                .iter_mut()
                .filter(|w| w.labels.as_ref() == Some(&labels))
            {
                self.scratch.clear();
                way.take(self.start_ms, self.end_ms, &mut self.scratch)?;
                self.erased.of(&labels, way.block).cut(&mut self.scratch, 0, 0);
                into.timestamps.append(&mut self.scratch.timestamps);
                into.values.append(&mut self.scratch.values);
                into.histograms.append(&mut self.scratch.histograms);
                way.advance()?;
            }
            in_order(into);
            if !into.is_empty() {
                return Ok(Some(labels));
            }
        }
    }
}

/// The series of a block that satisfy one of the sets, each once.
fn found(
    block: &Arc<Block>,
    sets: &[Vec<Matcher>],
    start_ms: i64,
    end_ms: i64,
) -> Result<Vec<BlockSeries>, StoreError> {
    let mut found = Vec::new();
    for set in sets {
        found.extend(block.select(set, start_ms, end_ms)?);
    }
    found.sort_by(|a, b| a.labels.cmp(&b.labels));
    found.dedup_by(|a, b| a.labels == b.labels);
    Ok(found)
}

impl Way {
    fn advance(&mut self) -> Result<(), StoreError> {
        self.labels = match &mut self.from {
            From::Whole { reader, samples } => reader.next(samples)?,
            From::Found(found) => found.peek().map(|series| series.labels.clone()),
        };
        Ok(())
    }

    /// Appends the samples of the series at hand.
    fn take(&mut self, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        match &mut self.from {
            From::Whole { samples, .. } => {
                retain(samples, |t| (start_ms..=end_ms).contains(&t));
                into.timestamps.append(&mut samples.timestamps);
                into.values.append(&mut samples.values);
                into.histograms.append(&mut samples.histograms);
                Ok(())
            }
            From::Found(found) => match found.next() {
                Some(series) => series.read(start_ms, end_ms, into),
                None => Ok(()),
            },
        }
    }
}
