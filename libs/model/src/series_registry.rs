//! Handles for label sets, kept in memory for good: what small stores and the doubles of tests answer
//! [`MetricSink::find`](crate::metrics::MetricSink::find) and `create` with. No store of many series: nothing is ever
//! forgotten.

use std::collections::HashMap;

use crate::metrics::{NewSeries, Rejected, SeriesRef};
use crate::{Labels, SeriesKey};

/// Label sets, numbered from 1 in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct SeriesRegistry {
    refs: HashMap<SeriesKey, SeriesRef>,
    labels: Vec<Labels>,
}

impl SeriesRegistry {
    /// Sets `refs` to the handles of these keys, [`SeriesRef::UNKNOWN`] where there is none.
    pub fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        refs.clear();
        refs.extend(
            keys.iter()
                .map(|key| self.refs.get(key).copied().unwrap_or_default()),
        );
    }

    /// Sets `refs` to a handle for each series, [`Rejected::InvalidLabels`] where there are no labels.
    pub fn create(&mut self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        refs.clear();
        refs.extend(series.iter().map(|new| match new.labels.is_empty() {
            true => Err(Rejected::InvalidLabels),
            false => Ok(self.handle(&new.labels)),
        }));
    }

    /// The handle of a label set, made where there is none.
    pub fn handle(&mut self, labels: &Labels) -> SeriesRef {
        let next = SeriesRef(self.labels.len() as u64 + 1);
        let known = *self
            .refs
            .entry(SeriesKey::of(labels, &mut Vec::new()))
            .or_insert(next);
        if known == next {
            self.labels.push(labels.clone());
        }
        known
    }

    /// The labels behind a handle.
    pub fn labels(&self, series: SeriesRef) -> Option<&Labels> {
        let index = usize::try_from(series.0).ok()?.checked_sub(1)?;
        self.labels.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_set_keeps_its_handle() {
        let mut registry = SeriesRegistry::default();
        let of = |name: &str| Labels::from_pairs([("__name__", name)]);
        let new = |labels: Labels| NewSeries {
            labels,
            timestamp_ms: 0,
        };
        let mut made = Vec::new();
        registry.create(
            &[new(of("a")), new(Labels::empty()), new(of("b")), new(of("a"))],
            &mut made,
        );
        assert_eq!(
            made,
            [
                Ok(SeriesRef(1)),
                Err(Rejected::InvalidLabels),
                Ok(SeriesRef(2)),
                Ok(SeriesRef(1))
            ]
        );
        let mut found = Vec::new();
        let key = |name: &str| SeriesKey::of(&of(name), &mut Vec::new());
        registry.find(&[key("b"), key("c")], &mut found);
        assert_eq!(found, [SeriesRef(2), SeriesRef::UNKNOWN]);
        assert_eq!(registry.labels(SeriesRef(2)), Some(&of("b")));
        assert_eq!(registry.labels(SeriesRef::UNKNOWN), None);
    }
}
