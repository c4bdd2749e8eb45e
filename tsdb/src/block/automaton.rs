//! A regular expression as an automaton that walks a transducer together with its values.
//!
//! The automaton is built lazily, state by state as the walk comes by, so that its size is bounded by the values it
//! meets and not by the expression. It has a fixed memory; where that does not suffice, or where the expression needs
//! what such an automaton cannot do, there is none and the expression is tried on each value.

use std::cell::{Cell, RefCell};

use fst::Automaton;
use model::{MatchOp, Matcher, go_regex};
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

/// What the states of one automaton may take.
const STATES_BYTES: usize = 1 << 20;

/// An expression being walked.
pub(super) struct Walk {
    dfa: DFA,
    cache: RefCell<Cache>,
    start: LazyStateID,
    failed: Cell<bool>,
}

impl Walk {
    /// The automaton of a matcher's regular expression, `None` where it has none.
    pub(super) fn new(matcher: &Matcher) -> Option<Walk> {
        if !matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex) {
            return None;
        }
        let pattern = format!("(?s:{})$", go_regex::translate(&matcher.value).ok()?);
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(STATES_BYTES)
            .minimum_cache_clear_count(Some(0));
        let dfa = DFA::builder().configure(config).build(&pattern).ok()?;
        let mut cache = dfa.create_cache();
        let at_start = start::Config::new().anchored(Anchored::Yes);
        let start = dfa.start_state(&mut cache, &at_start).ok()?;
        Some(Walk {
            cache: RefCell::new(cache),
            start,
            failed: Cell::new(false),
            dfa,
        })
    }

    /// Whether the walk had to give up: what it found is not all.
    pub(super) fn failed(&self) -> bool {
        self.failed.get()
    }

    fn give_up(&self) -> LazyStateID {
        self.failed.set(true);
        self.start
    }
}

impl Automaton for &Walk {
    type State = LazyStateID;

    fn start(&self) -> LazyStateID {
        self.start
    }

    fn is_match(&self, state: &LazyStateID) -> bool {
        let end = self.dfa.next_eoi_state(&mut self.cache.borrow_mut(), *state);
        match end {
            Ok(end) => end.is_match(),
            Err(_) => {
                self.give_up();
                false
            }
        }
    }

    fn can_match(&self, state: &LazyStateID) -> bool {
        !self.failed.get() && !state.is_dead()
    }

    fn accept(&self, state: &LazyStateID, byte: u8) -> LazyStateID {
        if self.failed.get() || state.is_dead() {
            return *state;
        }
        match self.dfa.next_state(&mut self.cache.borrow_mut(), *state, byte) {
            Ok(next) if next.is_quit() => self.give_up(),
            Ok(next) => next,
            Err(_) => self.give_up(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::values::{Part, encode};
    use crate::bytes::Malformed;

    #[test]
    fn a_walk_finds_what_the_expression_matches() {
        let mut texts: Vec<String> = (0..600).map(|i| format!("host-{i:03}:9{}", i % 7)).collect();
        texts.extend(["", "a\nb", "grün", "GRÜN", "x"].map(String::from));
        texts.sort();
        let values: Vec<(&str, u64)> = texts.iter().map(String::as_str).zip(0..).collect();
        let part = Part::decode(&encode(&values).unwrap()).unwrap();
        let patterns = [
            "host-1.*",
            "host-(01|5)[0-9]+:93",
            ".*:94",
            "",
            ".*",
            ".+",
            "a.b",
            "gr.n",
            "(?i)grün",
            "x|x.*",
            "h|ho|host-001:91",
            r"host\b.*",
            "^host-002.*$",
            "nothing",
            "(host-0.*|)",
            r"\w+",
            "host-.{3}:9.",
            "[^h].*",
        ];
        for pattern in patterns {
            let matcher = Matcher::new("a", MatchOp::Regex, pattern).unwrap();
            let expected: Vec<&str> = texts
                .iter()
                .map(String::as_str)
                .filter(|v| matcher.matches(v))
                .collect();
            let walk = Walk::new(&matcher).unwrap();
            let mut found = Vec::new();
            part.search(&walk, |_| unreachable!("a transducer"), &mut |value, _| {
                found.push(value.to_owned());
                Ok::<(), Malformed>(())
            })
            .unwrap();
            assert!(
                walk.failed() || found == expected,
                "{pattern}: {found:?} {expected:?}"
            );
            assert!(!walk.failed() || pattern.contains("\\b"), "{pattern}");
        }
    }

    #[test]
    fn an_expression_that_needs_too_much_gives_up() {
        let matcher = Matcher::new("a", MatchOp::Regex, "(.*a.{12}|.*b.{11}c)").unwrap();
        let texts: Vec<String> = (0..4096u32)
            .map(|i| format!("{i:016b}").replace('0', "a").repeat(4))
            .collect();
        let mut sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let values: Vec<(&str, u64)> = sorted.iter().copied().zip(0..).collect();
        let part = Part::decode(&encode(&values).unwrap()).unwrap();
        let walk = Walk::new(&matcher).unwrap();
        let mut found = 0;
        part.search(&walk, |_| true, &mut |_, _| {
            found += 1;
            Ok::<(), Malformed>(())
        })
        .unwrap();
        let expected = sorted.iter().filter(|v| matcher.matches(v)).count();
        assert!(walk.failed() || found == expected);
    }
}
