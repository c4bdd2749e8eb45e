//! What must be the same for one answer to say something about another.

use std::sync::Arc;

/// The query, and what else goes into its answer beside the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// As it was written, where that is known: warnings and infos tell places in it. Else the canonical text.
    pub(super) query: Arc<str>,
    pub(super) step_ms: i64,
    /// Where the steps lie relative to multiples of the step.
    pub(super) phase_ms: i64,
    pub(super) lookback_ms: i64,
    /// The step of subqueries that name none.
    pub(super) subquery_step_ms: i64,
    /// The first and the last step, for expressions that depend on them.
    pub(super) window_ms: Option<(i64, i64)>,
}

impl Key {
    pub(super) fn bytes(&self) -> usize {
        /// The places of a key and an entry in the maps.
        const PER_ENTRY: usize = 160;
        size_of::<Key>() + self.query.len() + PER_ENTRY
    }
}
