//! Postings: which series bear which label, and how matchers become a set of series.
//!
//! A set of series is a roaring bitmap of small numbers: ids in the head, positions in a block. The resolving of
//! matchers is written once over [`LabelIndex`], which both implement. Cost: one bitmap operation a matcher for
//! equality and alternations of literals; a regular expression is tried on each distinct value of its label, but in
//! blocks, where it has an automaton, on those alone that this can reach.

mod memory;

use std::borrow::Cow;

use model::{MatchOp, Matcher, StoreError};
use roaring::RoaringBitmap;

pub(crate) use memory::MemoryPostings;

/// An index from labels to series.
pub(crate) trait LabelIndex {
    /// All series.
    fn all(&self) -> Result<Cow<'_, RoaringBitmap>, StoreError>;

    /// The series with this very label.
    fn equal(&self, name: &str, value: &str) -> Result<Option<Cow<'_, RoaringBitmap>>, StoreError>;

    /// The series that have the matcher's label with a value for which the matcher says `wanted`.
    fn union(&self, matcher: &Matcher, wanted: bool) -> Result<RoaringBitmap, StoreError>;
}

/// The series that satisfy all matchers.
///
/// A matcher that the empty value satisfies cannot be answered from postings alone, for an absent label has none:
/// it takes away the series whose value does not match.
pub(crate) fn resolve(index: &impl LabelIndex, matchers: &[Matcher]) -> Result<RoaringBitmap, StoreError> {
    let mut found: Option<RoaringBitmap> = None;
    for matcher in matchers.iter().filter(|m| !m.matches_empty()) {
        let with = matching(index, matcher)?;
        found = Some(match found {
            Some(mut found) => {
                found &= &*with;
                found
            }
            None => with.into_owned(),
        });
        if found.as_ref().is_some_and(RoaringBitmap::is_empty) {
            return Ok(RoaringBitmap::new());
        }
    }
    let mut found = match found {
        Some(found) => found,
        None => index.all()?.into_owned(),
    };
    for matcher in matchers.iter().filter(|m| m.matches_empty()) {
        if found.is_empty() {
            break;
        }
        found -= unmatching(index, matcher)?.as_ref();
    }
    Ok(found)
}

/// The series whose value is present and matches.
fn matching<'a>(index: &'a impl LabelIndex, matcher: &Matcher) -> Result<Cow<'a, RoaringBitmap>, StoreError> {
    let none = || Cow::Owned(RoaringBitmap::new());
    match (matcher.op, literals(&matcher.value)) {
        (MatchOp::Equal, _) => Ok(index.equal(&matcher.name, &matcher.value)?.unwrap_or_else(none)),
        (MatchOp::Regex, Some(values)) => {
            let mut union = RoaringBitmap::new();
            for value in values {
                if let Some(with) = index.equal(&matcher.name, value)? {
                    union |= &*with;
                }
            }
            Ok(Cow::Owned(union))
        }
        _ => index.union(matcher, true).map(Cow::Owned),
    }
}

/// The series whose value is present and does not match.
fn unmatching<'a>(
    index: &'a impl LabelIndex,
    matcher: &Matcher,
) -> Result<Cow<'a, RoaringBitmap>, StoreError> {
    if matcher.op == MatchOp::NotEqual {
        let with = index.equal(&matcher.name, &matcher.value)?;
        return Ok(with.unwrap_or_else(|| Cow::Owned(RoaringBitmap::new())));
    }
    index.union(matcher, false).map(Cow::Owned)
}

/// The alternatives of a regular expression such as `a|b|c` that has nothing special in it but the bars.
fn literals(pattern: &str) -> Option<impl Iterator<Item = &str>> {
    let plain = |c: char| {
        !matches!(
            c,
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$'
        )
    };
    pattern.chars().all(plain).then(|| pattern.split('|'))
}

#[cfg(test)]
mod tests;
