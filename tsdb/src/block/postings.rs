//! A block's postings, read when asked for.

use std::borrow::Cow;

use model::StoreError;
use roaring::RoaringBitmap;

use super::directory::ValueEntry;
use super::{Block, POSTINGS};
use crate::bytes::Malformed;
use crate::postings::LabelIndex;

impl Block {
    fn postings(&self, entry: &ValueEntry) -> Result<RoaringBitmap, StoreError> {
        let payload = self.frame(POSTINGS, entry.postings.clone())?;
        let set = RoaringBitmap::deserialize_from(payload.as_slice());
        let set = set.map_err(|_| self.bad_index("postings", Malformed))?;
        if set.max().is_some_and(|max| max >= self.directory.series) {
            return Err(self.bad_index("postings", Malformed));
        }
        Ok(set)
    }
}

impl LabelIndex for Block {
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, StoreError> {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.directory.series);
        Ok(Cow::Owned(all))
    }

    fn equal(&self, name: &str, value: &str) -> Result<Option<Cow<'_, RoaringBitmap>>, StoreError> {
        let entry = self.directory.value(&self.symbols, name, value);
        entry
            .map(|entry| self.postings(entry).map(Cow::Owned))
            .transpose()
    }

    fn union(&self, name: &str, keep: &dyn Fn(&str) -> bool) -> Result<RoaringBitmap, StoreError> {
        let mut union = RoaringBitmap::new();
        for entry in self.directory.values(&self.symbols, name) {
            if self.symbols.get(entry.symbol).is_some_and(keep) {
                union |= self.postings(entry)?;
            }
        }
        Ok(union)
    }
}
