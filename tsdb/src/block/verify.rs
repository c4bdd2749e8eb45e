//! Checks a whole block: every page, and that labels, postings, times and counts agree.

use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, StoreError};

use super::meta::{COLUMNS, NAMES, POSTINGS, SYMBOLS};
use super::reader::SeriesReader;
use super::{Block, BlockMeta};
use crate::error::corrupt;

pub(super) fn verify(block: &Arc<Block>) -> Result<(), StoreError> {
    let pairs = verify_series(block)?;
    verify_columns(block)?;
    let symbols = block.table(SYMBOLS)?;
    for at in 0..symbols.len() {
        block.symbol_page(&symbols, at)?;
    }
    let lists = block.table(POSTINGS)?;
    for page in lists.iter() {
        block.lists(page.first)?;
    }
    let borne = verify_postings(block)?;
    if pairs == borne {
        Ok(())
    } else {
        Err(block.missing(
            POSTINGS,
            &format!("{borne} postings, but series bear {pairs} labels"),
        ))
    }
}

/// Reads every sample; gives how many labels the series bear together.
fn verify_series(block: &Arc<Block>) -> Result<u64, StoreError> {
    let mut reader = SeriesReader::new(Arc::clone(block))?;
    let mut samples = Samples::default();
    let mut last: Option<Labels> = None;
    let mut pairs = 0;
    let mut counted = (0, 0);
    while let Some(labels) = reader.next(&mut samples)? {
        let meta = block.meta();
        let wrong = |detail: &str| corrupt(format!("{} series {labels}", block.dir().display()), detail);
        if last.is_some_and(|last| last >= labels) {
            return Err(wrong("series are not in the order of their labels"));
        }
        if !within(meta, &samples) {
            return Err(wrong("samples outside the block's range"));
        }
        pairs += labels.len() as u64;
        counted = (counted.0 + 1, counted.1 + samples.len() as u64);
        last = Some(labels);
    }
    if counted == (block.meta().series, block.meta().samples) {
        Ok(pairs)
    } else {
        let (series, samples) = counted;
        let detail = format!("{series} series with {samples} samples, not what meta says");
        Err(corrupt(block.dir().display().to_string(), detail))
    }
}

fn within(meta: &BlockMeta, samples: &Samples) -> bool {
    let inside = |ms: &i64| (meta.min_ms..meta.max_ms).contains(ms);
    let floats = [samples.timestamps.first(), samples.timestamps.last()];
    let histograms = [samples.histograms.first(), samples.histograms.last()];
    let histograms = histograms.into_iter().flatten().map(|(ms, _)| ms);
    floats.into_iter().flatten().chain(histograms).all(inside)
}

fn verify_columns(block: &Arc<Block>) -> Result<(), StoreError> {
    let table = block.table(COLUMNS)?;
    for number in 0..table.end() {
        let number = u32::try_from(number).map_err(|_| block.missing(COLUMNS, "too many columns"))?;
        block.times(number)?;
    }
    Ok(())
}

/// Reads every value and every list; gives how many postings there are.
fn verify_postings(block: &Arc<Block>) -> Result<u64, StoreError> {
    let mut postings = 0;
    for (text, name) in &block.names()?.0 {
        let places = block.values_where(text, None, true, |_, place| place)?;
        if places.len() as u64 != name.values {
            return Err(block.missing(NAMES, &format!("number of values of {text} differs")));
        }
        for place in places {
            postings += block.union_of(&[place])?.len();
        }
    }
    Ok(postings)
}
