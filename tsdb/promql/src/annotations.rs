//! Warnings and infos of one query: a bounded set of texts, each once.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// At most so many warnings, and as many infos, go with an answer.
const MAX_ANNOTATIONS: usize = 10;

/// The annotations of a query in evaluation.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: RefCell<BTreeSet<String>>,
    infos: RefCell<BTreeSet<String>>,
}

impl Annotations {
    /// Something is probably wrong.
    pub(crate) fn warn(&self, text: &str) {
        insert(&self.warnings, "PromQL warning: ", text);
    }

    /// Something is possibly not meant.
    pub(crate) fn info(&self, text: &str) {
        insert(&self.infos, "PromQL info: ", text);
    }

    /// Warnings and infos, sorted.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<String>) {
        (
            self.warnings.into_inner().into_iter().collect(),
            self.infos.into_inner().into_iter().collect(),
        )
    }
}

fn insert(set: &RefCell<BTreeSet<String>>, prefix: &str, text: &str) {
    let mut set = set.borrow_mut();
    if set.len() < MAX_ANNOTATIONS {
        set.insert(format!("{prefix}{text}"));
    }
}
