//! Warnings and infos of one query: a bounded set of texts with their places in the query, each once.
//!
//! What is said again is the same annotation, wherever in the query it is said: the last place counts, and what the
//! annotation counts is added up. As in Prometheus, that is told only along with the place.

mod detail;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ast::Span;
use detail::Detail;

pub(crate) use detail::Forced;

/// More warnings, or infos, than this are not kept: a query has a bounded number of places to say something about, but
/// names of metrics are in the texts too.
const MAX_KEPT: usize = 1000;

/// What is said besides a text.
#[derive(Debug)]
struct Note {
    span: Span,
    detail: Detail,
}

type Kept = BTreeMap<String, Note>;

/// The annotations of a query in evaluation. Several threads may add to them.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    warnings: Mutex<Kept>,
    infos: Mutex<Kept>,
}

impl Annotations {
    /// Something is probably wrong with what stands at `span`.
    pub(crate) fn warn(&self, span: Span, text: impl AsRef<str>) {
        insert(
            &self.warnings,
            "PromQL warning: ",
            span,
            text.as_ref(),
            Detail::None,
        );
    }

    /// Something is possibly not meant with what stands at `span`.
    pub(crate) fn info(&self, span: Span, text: impl AsRef<str>) {
        insert(&self.infos, "PromQL info: ", span, text.as_ref(), Detail::None);
    }

    /// Something is probably wrong, and it counts how often: `times` more.
    pub(crate) fn warn_times(&self, span: Span, text: impl AsRef<str>, times: u64) {
        insert(
            &self.warnings,
            "PromQL warning: ",
            span,
            text.as_ref(),
            Detail::Times(times),
        );
    }

    /// The buckets of histograms had to be made monotonic.
    pub(crate) fn info_forced(&self, span: Span, text: impl AsRef<str>, forced: Forced) {
        insert(
            &self.infos,
            "PromQL info: ",
            span,
            text.as_ref(),
            Detail::Forced(forced),
        );
    }

    /// Says what was said of anything within `of` again of the same text at `now`.
    pub(crate) fn repeat(&self, of: Span, now: Span) {
        for set in [&self.warnings, &self.infos] {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            let within = |note: &&mut Note| of.start <= note.span.start && note.span.end <= of.end;
            for note in set.values_mut().filter(within) {
                note.span = Span {
                    start: note.span.start - of.start + now.start,
                    end: note.span.end - of.start + now.start,
                };
            }
        }
    }

    /// Warnings and infos, sorted; with the line and column in `query`, where that is known.
    pub(crate) fn finish(self, query: Option<&str>) -> (Vec<String>, Vec<String>) {
        let told = |set: Mutex<Kept>| {
            let set = set.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut told: Vec<String> = set
                .into_iter()
                .map(|(text, note)| placed(text, &note, query))
                .collect();
            told.sort();
            told
        };
        (told(self.warnings), told(self.infos))
    }
}

fn insert(set: &Mutex<Kept>, prefix: &str, span: Span, text: &str, detail: Detail) {
    let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
    let text = format!("{prefix}{text}");
    if let Some(note) = set.get_mut(&text) {
        note.span = span;
        note.detail.add(detail);
    } else if set.len() < MAX_KEPT {
        set.insert(text, Note { span, detail });
    }
}

fn placed(text: String, note: &Note, query: Option<&str>) -> String {
    let Note { span, detail } = note;
    let Some(before) = query
        .filter(|_| span.start < span.end)
        .and_then(|q| q.get(..span.start as usize))
    else {
        return text;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("{text}{detail} ({line}:{column})")
}

#[cfg(test)]
mod tests;
