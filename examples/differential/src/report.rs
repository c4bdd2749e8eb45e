//! What came of a run: counts, and one example of each sort of difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::answer::Answer;
use crate::compare::{Difference, Kind};
use crate::grammar::Query;

/// What came of the queries so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    equal: usize,
    /// Of those that are equal, how many are errors on both sides.
    errors: usize,
    /// Of those that are equal, how many have neither rows nor an error.
    empty: usize,
    undecided: usize,
    different: BTreeMap<Kind, usize>,
    known: BTreeMap<&'static str, usize>,
    /// What was shown.
    shown: BTreeSet<String>,
}

impl Report {
    pub(crate) fn equal(&mut self, answer: &Answer) {
        self.equal += 1;
        match answer {
            Answer::Error { .. } => self.errors += 1,
            Answer::Value(value) if value.rows.is_empty() => self.empty += 1,
            Answer::Value(_) => {}
        }
    }

    /// The peer gives more than one answer.
    pub(crate) fn undecided(&mut self) {
        self.undecided += 1;
    }

    pub(crate) fn known(&mut self, name: &'static str) {
        *self.known.entry(name).or_default() += 1;
    }

    /// Counts a difference. True where it is of a sort that was not shown yet.
    pub(crate) fn different(&mut self, query: &Query, difference: &Difference) -> bool {
        *self.different.entry(difference.kind).or_default() += 1;
        self.shown.insert(sort_of(query, difference))
    }

    /// Sorts of differences that were found.
    pub(crate) fn sorts(&self) -> usize {
        self.shown.len()
    }

    pub(crate) fn differences(&self) -> usize {
        self.different.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: usize = self.known.values().sum();
        let (equal, undecided, different) = (self.equal, self.undecided, self.differences());
        let (all, errors, empty) = (equal + undecided + known + different, self.errors, self.empty);
        writeln!(
            f,
            "{all} queries: {equal} equal (errors {errors}, empty {empty}), {undecided} undecided, {known} known, \
             {different} different"
        )?;
        self.different
            .iter()
            .try_for_each(|(kind, count)| writeln!(f, "  different {kind:?}: {count}"))?;
        self.known
            .iter()
            .try_for_each(|(name, count)| writeln!(f, "  known {name}: {count}"))
    }
}

/// What differs and the functions and operators of the query, without names of metrics, labels and numbers.
fn sort_of(query: &Query, difference: &Difference) -> String {
    let text = query.text();
    let mut words = BTreeSet::new();
    // What stands between quotes is at every other place.
    for piece in text.split('"').step_by(2) {
        let split = piece.split(|c: char| !c.is_ascii_alphabetic() && c != '_');
        words.extend(split.filter(|word| word.len() > 1));
    }
    let words: Vec<&str> = words.into_iter().collect();
    format!("{:?} {}", difference.kind, words.join(" "))
}
