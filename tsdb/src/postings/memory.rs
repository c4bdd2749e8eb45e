//! The head's postings: grow with each new series, shrink when one is collected.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Labels, Matcher, StoreError};
use roaring::RoaringBitmap;

use super::LabelIndex;

type Values = BTreeMap<Box<str>, RoaringBitmap>;

/// Label name → value → slots. Sorted, so that names and values come out as the API wants them.
#[derive(Debug, Default)]
pub(crate) struct MemoryPostings {
    all: RoaringBitmap,
    names: BTreeMap<Box<str>, Values>,
}

impl MemoryPostings {
    pub(crate) fn insert(&mut self, slot: u32, labels: &Labels) {
        self.all.insert(slot);
        for (name, value) in labels.iter() {
            if !self.names.contains_key(name) {
                self.names.insert(name.into(), Values::new());
            }
            let Some(values) = self.names.get_mut(name) else {
                continue;
            };
            match values.get_mut(value) {
                Some(slots) => {
                    slots.insert(slot);
                }
                None => {
                    values.insert(value.into(), RoaringBitmap::from([slot]));
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, labels: &Labels) {
        self.all.remove(slot);
        for (name, value) in labels.iter() {
            let Some(values) = self.names.get_mut(name) else {
                continue;
            };
            if let Some(slots) = values.get_mut(value) {
                slots.remove(slot);
                if slots.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// Every label name with its values and their series, sorted.
    pub(crate) fn iter(
        &self,
    ) -> impl Iterator<Item = (&str, impl ExactSizeIterator<Item = (&str, &RoaringBitmap)>)> {
        self.names
            .iter()
            .map(|(name, values)| (&**name, values.iter().map(|(v, slots)| (&**v, slots))))
    }

    /// The values of one label with their series, sorted.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = (&str, &RoaringBitmap)> {
        self.names
            .get(name)
            .into_iter()
            .flatten()
            .map(|(v, slots)| (&**v, slots))
    }
}

impl LabelIndex for MemoryPostings {
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, StoreError> {
        Ok(Cow::Borrowed(&self.all))
    }

    fn equal(&self, name: &str, value: &str) -> Result<Option<Cow<'_, RoaringBitmap>>, StoreError> {
        Ok(self
            .names
            .get(name)
            .and_then(|values| values.get(value))
            .map(Cow::Borrowed))
    }

    fn union(&self, matcher: &Matcher, wanted: bool) -> Result<RoaringBitmap, StoreError> {
        let mut union = RoaringBitmap::new();
        let values = self.values(&matcher.name);
        for (_, slots) in values.filter(|(value, _)| matcher.matches(value) == wanted) {
            union |= slots;
        }
        Ok(union)
    }
}
