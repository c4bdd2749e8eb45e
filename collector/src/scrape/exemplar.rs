//! The exemplar of a line on a page, for the store of exemplars.
//!
//! Lines with exemplars are few, and nothing is remembered of them: the labels of the series are read from the page each
//! time. Targets show an exemplar until they have a newer one; that it is the same is for the store to see.

use model::exemplar::ExemplarRow;
use model::{Exemplar, Labels};

use super::labels::final_labels;
use super::process::Rules;
use crate::exposition::{Series, decode_labels};

/// What is to be stored of the line's exemplar. `None` where there is none, or what it has cannot be stored, which costs
/// nothing else of the page.
pub(super) fn of_line(series: &Series<'_>, rules: &Rules<'_>, scrape_ms: i64) -> Option<ExemplarRow> {
    let shown = series.exemplar?;
    let labels = final_labels(&decode_labels(series.raw).ok()?, rules).ok()??;
    let pairs = decode_labels(shown.raw_labels).ok()?.pairs;
    Some(ExemplarRow {
        series: labels,
        exemplar: Exemplar {
            labels: Labels::from_pairs(pairs.iter().map(|(name, value)| (&**name, &**value))),
            value: shown.value,
            timestamp_ms: shown.timestamp_ms.unwrap_or(scrape_ms),
        },
        own_timestamp: shown.timestamp_ms.is_some(),
    })
}
