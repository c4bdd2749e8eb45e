//! The head's postings: grow a page at a time, shrink when series are forgotten.
//!
//! Most pairs of a fleet are borne by many series and their ids lie in roaring bitmaps (2 bytes an id or less); a pair
//! that only one series bears, as identifiers are, takes no bitmap.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Matcher, StoreError};
use roaring::RoaringBitmap;

use super::LabelIndex;

/// The ids that bear one pair; never none.
#[derive(Debug)]
pub(crate) enum Ids {
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Ids {
    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Ids::One(_) => 1,
            Ids::Many(ids) => ids.len(),
        }
    }

    /// Whether one of them is in `other`.
    pub(crate) fn meets(&self, other: &RoaringBitmap) -> bool {
        match self {
            Ids::One(id) => other.contains(*id),
            Ids::Many(ids) => !ids.is_disjoint(other),
        }
    }

    fn cow(&self) -> Cow<'_, RoaringBitmap> {
        match self {
            Ids::One(id) => Cow::Owned(RoaringBitmap::from([*id])),
            Ids::Many(ids) => Cow::Borrowed(ids),
        }
    }

    fn add_to(&self, union: &mut RoaringBitmap) {
        match self {
            Ids::One(id) => {
                union.insert(*id);
            }
            Ids::Many(ids) => *union |= &**ids,
        }
    }

    fn extend(&mut self, more: &[u32]) {
        if let Ids::One(id) = self {
            *self = Ids::Many(Box::new(RoaringBitmap::from([*id])));
        }
        if let Ids::Many(ids) = self {
            insert(ids, more);
        }
    }

    /// Takes an id out; whether none is left.
    fn remove(&mut self, id: u32) -> bool {
        match self {
            Ids::One(only) => *only == id,
            Ids::Many(ids) => {
                ids.remove(id);
                ids.is_empty()
            }
        }
    }
}

/// Inserts rising ids, a stretch without holes at once.
fn insert(into: &mut RoaringBitmap, ids: &[u32]) {
    for stretch in ids.chunk_by(|a, b| a + 1 == *b) {
        match stretch {
            [only] => {
                into.insert(*only);
            }
            [first, .., last] => {
                into.insert_range(*first..=*last);
            }
            [] => {}
        }
    }
}

type Values = BTreeMap<Box<str>, Ids>;

/// Label name → value → ids. Sorted, so that names and values come out as the API wants them.
#[derive(Debug, Default)]
pub(crate) struct MemoryPostings {
    all: RoaringBitmap,
    names: BTreeMap<Box<str>, Values>,
}

impl MemoryPostings {
    /// Adds series by their rising ids.
    pub(crate) fn add_series(&mut self, ids: &[u32]) {
        insert(&mut self.all, ids);
    }

    /// Says that the series with these rising ids, at least one, bear a pair.
    pub(crate) fn add_pair(&mut self, name: &str, value: &str, ids: &[u32]) {
        if !self.names.contains_key(name) {
            self.names.insert(name.into(), Values::new());
        }
        let Some(values) = self.names.get_mut(name) else {
            return;
        };
        match (values.get_mut(value), ids) {
            (_, []) => {}
            (Some(known), ids) => known.extend(ids),
            (None, [id]) => {
                values.insert(value.into(), Ids::One(*id));
            }
            (None, ids) => {
                let mut many = RoaringBitmap::new();
                insert(&mut many, ids);
                values.insert(value.into(), Ids::Many(Box::new(many)));
            }
        }
    }

    /// Takes a series out, whose pairs these are.
    pub(crate) fn remove<'a>(&mut self, id: u32, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        self.all.remove(id);
        for (name, value) in pairs {
            let Some(values) = self.names.get_mut(name) else {
                continue;
            };
            if values.get_mut(value).is_some_and(|ids| ids.remove(id)) {
                values.remove(value);
            }
            if values.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// Every label name with its values and their series, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, impl ExactSizeIterator<Item = (&str, &Ids)>)> {
        self.names
            .iter()
            .map(|(name, values)| (&**name, values.iter().map(|(v, ids)| (&**v, ids))))
    }

    /// The values of one label with their series, sorted.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = (&str, &Ids)> {
        self.names
            .get(name)
            .into_iter()
            .flatten()
            .map(|(v, ids)| (&**v, ids))
    }
}

impl LabelIndex for MemoryPostings {
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, StoreError> {
        Ok(Cow::Borrowed(&self.all))
    }

    fn equal(&self, name: &str, value: &str) -> Result<Option<Cow<'_, RoaringBitmap>>, StoreError> {
        let values = self.names.get(name);
        Ok(values.and_then(|values| values.get(value)).map(Ids::cow))
    }

    fn union(&self, matcher: &Matcher, wanted: bool) -> Result<RoaringBitmap, StoreError> {
        let mut union = RoaringBitmap::new();
        let values = self.values(&matcher.name);
        for (_, ids) in values.filter(|(value, _)| matcher.matches(value) == wanted) {
            ids.add_to(&mut union);
        }
        Ok(union)
    }
}
