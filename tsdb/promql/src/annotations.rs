//! Warnings and infos of one query: a bounded set of texts with their places in the query, each once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::ast::Span;

/// More warnings, or infos, than this are not kept: a query has a bounded number of places to say something about, but
/// names of metrics are in the texts too.
const MAX_KEPT: usize = 1000;

/// Texts, each with the first byte and the end of what it is about.
type Kept = BTreeSet<(String, u32, u32)>;

/// The annotations of a query in evaluation. Several threads may add to them.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: Mutex<Kept>,
    infos: Mutex<Kept>,
}

impl Annotations {
    /// Something is probably wrong with what stands at `span`.
    pub(crate) fn warn(&self, span: Span, text: impl AsRef<str>) {
        insert(&self.warnings, "PromQL warning: ", span, text.as_ref());
    }

    /// Something is possibly not meant with what stands at `span`.
    pub(crate) fn info(&self, span: Span, text: impl AsRef<str>) {
        insert(&self.infos, "PromQL info: ", span, text.as_ref());
    }

    /// Warnings and infos, sorted; with the line and column in `query`, where that is known.
    pub(crate) fn finish(self, query: Option<&str>) -> (Vec<String>, Vec<String>) {
        let told = |set: Mutex<Kept>| {
            let set = set.into_inner().unwrap_or_else(PoisonError::into_inner);
            let told: BTreeSet<String> = set
                .into_iter()
                .map(|(text, start, end)| placed(text, Span { start, end }, query))
                .collect();
            told.into_iter().collect()
        };
        (told(self.warnings), told(self.infos))
    }
}

fn insert(set: &Mutex<Kept>, prefix: &str, span: Span, text: &str) {
    let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
    if set.len() < MAX_KEPT {
        set.insert((format!("{prefix}{text}"), span.start, span.end));
    }
}

fn placed(text: String, span: Span, query: Option<&str>) -> String {
    let Some(before) = query
        .filter(|_| span.start < span.end)
        .and_then(|q| q.get(..span.start as usize))
    else {
        return text;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("{text} ({line}:{column})")
}
