//! From labels to series and back: postings for matchers, texts for symbols.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use model::{Labels, MatchOp, Matcher, StoreError};
use roaring::RoaringBitmap;

use super::Block;
use super::automaton::Walk;
use super::meta::SYMBOLS;
use super::postings::{ListPage, Union};
use super::symbols::SymbolPage;
use super::table::PageTable;
use super::values::Part;
use crate::bytes::Malformed;
use crate::identity;
use crate::postings::LabelIndex;

/// Pages of symbols that one reader holds on to.
const MAX_PAGES: usize = 256;

impl LabelIndex for Block {
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, StoreError> {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.series());
        Ok(Cow::Owned(all))
    }

    fn equal(&self, name: &str, value: &str) -> Result<Option<Cow<'_, RoaringBitmap>>, StoreError> {
        let names = self.names()?;
        let Some(part) = names.0.get(name).and_then(|name| name.part_of(value)) else {
            return Ok(None);
        };
        match self.part(part)?.get(value) {
            Some(place) => Ok(Some(Cow::Owned(self.union_of(&[place])?))),
            None => Ok(None),
        }
    }

    fn union(&self, matcher: &Matcher, wanted: bool) -> Result<RoaringBitmap, StoreError> {
        let places = self.values_where(&matcher.name, Some(matcher), wanted, |_, place| place)?;
        self.union_of(&places)
    }
}

impl Block {
    /// The union of the lists at places that ascend.
    pub(super) fn union_of(&self, places: &[u64]) -> Result<RoaringBitmap, StoreError> {
        let mut union = Union::default();
        let mut page: Option<(Arc<ListPage>, Range<u64>)> = None;
        for &place in places {
            let (lists, range) = match page.take().filter(|(_, range)| range.contains(&place)) {
                Some(page) => page,
                None => self.lists(place)?,
            };
            let bytes = lists.0.get((place - range.start) as usize..).unwrap_or_default();
            union
                .add(bytes, self.series())
                .map_err(|e| self.missing(super::meta::POSTINGS, &format!("list at place {place}: {e}")))?;
            page = Some((lists, range));
        }
        Ok(union.finish())
    }

    /// What `take` makes of the values of a label for which the matcher says `wanted`, in order; of all without one.
    pub(super) fn values_where<T>(
        &self,
        name: &str,
        matcher: Option<&Matcher>,
        wanted: bool,
        take: impl Fn(&str, u64) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let names = self.names()?;
        let mut found = Vec::new();
        let Some(name) = names.0.get(name) else {
            return Ok(found);
        };
        // The automaton finds what an expression matches, not what it does not match; and few values need none.
        let walkable = matcher.filter(|m| wanted == (m.op == MatchOp::Regex));
        let mut walk = None;
        for at in &name.parts {
            let part = self.part(at)?;
            if let (Part::Transducer(_), None) = (&*part, &walk) {
                walk = walkable.and_then(Walk::new);
            }
            part_where(&part, matcher, wanted, walk.as_ref(), &take, &mut found)
                .map_err(|e| self.index.corrupt(at.offset, &e.to_string()))?;
        }
        Ok(found)
    }
}

fn part_where<T>(
    part: &Part,
    matcher: Option<&Matcher>,
    wanted: bool,
    walk: Option<&Walk>,
    take: &impl Fn(&str, u64) -> T,
    found: &mut Vec<T>,
) -> Result<(), Malformed> {
    let matches = |value: &str| matcher.is_none_or(|m| m.matches(value) == wanted);
    let before = found.len();
    if let Some(walk) = walk.filter(|walk| !walk.failed()) {
        part.search(walk, matches, &mut |value, place| {
            found.push(take(value, place));
            Ok::<(), Malformed>(())
        })?;
        if !walk.failed() {
            return Ok(());
        }
        found.truncate(before);
    }
    part.each(&mut |value, place| {
        if matches(value) {
            found.push(take(value, place));
        }
        Ok(())
    })
}

/// Texts of symbols for readers who ask for the same few over and over. The pages it has met are at hand without a lock,
/// from any thread.
pub(super) struct Texts {
    block: Arc<Block>,
    table: Arc<PageTable>,
    pages: Box<[OnceLock<Arc<SymbolPage>>]>,
}

impl Texts {
    pub(super) fn new(block: &Arc<Block>) -> Result<Texts, StoreError> {
        let table = block.table(SYMBOLS)?;
        Ok(Texts {
            block: Arc::clone(block),
            pages: (0..table.len()).map(|_| OnceLock::new()).collect(),
            table,
        })
    }

    /// Lets go of what it holds, if that is more than one reader alone should.
    pub(super) fn bound(&mut self) {
        let held = self.pages.iter().filter(|page| page.get().is_some());
        if held.count() > MAX_PAGES {
            self.pages.fill_with(OnceLock::new);
        }
    }

    fn text(&self, symbol: u32) -> Result<&str, StoreError> {
        let symbol = u64::from(symbol);
        let missing = || self.block.missing(SYMBOLS, "a symbol is not in the table");
        let at = self.table.find(symbol).ok_or_else(missing)?;
        let first = self.table.get(at).ok_or_else(missing)?.first;
        let at_hand = self.pages.get(at).ok_or_else(missing)?;
        let page = match at_hand.get() {
            Some(page) => page,
            None => {
                let page = self.block.symbol_page(&self.table, at)?;
                at_hand.get_or_init(|| page)
            }
        };
        page.text((symbol - first) as usize).ok_or_else(missing)
    }

    /// What a pair adds to the identity of its series, see [`crate::identity`].
    pub(super) fn identity(&self, name: u32, value: u32) -> Result<u128, StoreError> {
        Ok(identity::value(
            identity::name(self.text(name)?),
            self.text(value)?,
        ))
    }

    /// Replaces the texts from the given pair on by those of the pairs.
    pub(super) fn texts<'t>(
        &'t self,
        pairs: &[(u32, u32)],
        from: usize,
        texts: &mut Vec<(&'t str, &'t str)>,
    ) -> Result<(), StoreError> {
        texts.truncate(from);
        for &(name, value) in pairs.get(texts.len()..).unwrap_or_default() {
            let (name, value) = (self.text(name)?, self.text(value)?);
            if value.is_empty() || texts.last().is_some_and(|(before, _)| *before >= name) {
                return Err(self.block.missing(SYMBOLS, "labels of a series are not in order"));
            }
            texts.push((name, value));
        }
        Ok(())
    }

    /// The labels of a series.
    pub(super) fn labels(&self, pairs: &[(u32, u32)]) -> Result<Labels, StoreError> {
        let mut texts = Vec::with_capacity(pairs.len());
        self.texts(pairs, 0, &mut texts)?;
        Ok(Labels::from_sorted(&texts))
    }
}
