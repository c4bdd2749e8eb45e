//! Differences that are known, with the reason why they stay. docs/differential.md lists them too.

use crate::compare::Difference;

/// A difference that stays.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Whether it is this one, by the text of the query and what differs.
    holds: fn(&str, &Difference) -> bool,
}

const KNOWN: &[Known] = &[];

/// The known difference that this one is.
pub(crate) fn find(query: &str, difference: &Difference) -> Option<&'static Known> {
    KNOWN.iter().find(|known| (known.holds)(query, difference))
}
