//! Names, values and lists about the labels.

use model::labels::METRIC_NAME;
use roaring::RoaringBitmap;

use super::SeriesTable;
use crate::stats::{Cardinality, top};

impl SeriesTable {
    /// The names of labels of the series with these ids (`None`: of all), sorted.
    pub fn label_names(&self, within: Option<&RoaringBitmap>) -> Vec<String> {
        let postings = self.postings.read();
        let names = postings.iter().filter_map(|(name, mut values)| match within {
            Some(within) => values.any(|(_, ids)| ids.meets(within)).then(|| name.to_owned()),
            None => Some(name.to_owned()),
        });
        names.collect()
    }

    /// The values of one label over the series with these ids (`None`: over all), sorted.
    pub fn label_values(&self, name: &str, within: Option<&RoaringBitmap>) -> Vec<String> {
        let postings = self.postings.read();
        let values = postings.values(name);
        let wanted = values.filter(|(_, ids)| within.is_none_or(|within| ids.meets(within)));
        wanted.map(|(value, _)| value.to_owned()).collect()
    }

    /// The `limit` largest entries of each list about the labels. Visits every label pair once.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let postings = self.postings.read();
        let mut found = Cardinality {
            series: self.len(),
            ..Cardinality::default()
        };
        let mut pairs = Vec::new();
        for (name, values) in postings.iter() {
            found
                .values_by_label_name
                .push((name.to_owned(), values.len() as u64));
            let mut bytes = 0;
            for (value, ids) in values {
                found.label_pairs += 1;
                bytes += value.len() as u64 * ids.len();
                pairs.push((name, value, ids.len()));
            }
            found.bytes_by_label_name.push((name.to_owned(), bytes));
        }
        // Only the largest pairs become text: there may be millions.
        pairs.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| (a.0, a.1).cmp(&(b.0, b.1))));
        let metrics = pairs.iter().filter(|(name, _, _)| *name == METRIC_NAME);
        found.series_by_metric_name = metrics
            .take(limit)
            .map(|(_, value, count)| ((*value).to_owned(), *count))
            .collect();
        found.series_by_label_pair = pairs
            .into_iter()
            .take(limit)
            .map(|(name, value, count)| (format!("{name}={value}"), count))
            .collect();
        found.values_by_label_name = top(found.values_by_label_name, limit);
        found.bytes_by_label_name = top(found.bytes_by_label_name, limit);
        found
    }
}
