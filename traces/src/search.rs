//! Whether a span is what a search asks for. One span must meet every condition; a tag condition is met by a
//! tag of the span, of its process, of one of its logs or of one of its references, compared by text as
//! [`model::spans::TagValue`] shows it. These are Jaeger's rules.
//!
//! Cost: a comparison of numbers a span; the tags of a span are walked only when all else fits.

use model::StoreError;
use model::spans::{TagValue, TraceId, TraceQuery};
use rustc_hash::FxHashSet;

use crate::block::filter;
use crate::codec::{Batch, Bounds, CodecError, Header, Value};

/// A search asks for at most so many tags; each is one bit of a mask.
const MAX_TAGS: usize = 64;

/// A query made ready for comparing.
pub(crate) struct Search<'q> {
    query: &'q TraceQuery,
    tags: Vec<WantedTag<'q>>,
    /// Hashes of what a matching span must bring, as the filters of blocks hold them.
    terms: Vec<u64>,
}

struct WantedTag<'q> {
    key: &'q str,
    text: &'q str,
    int: Option<i64>,
    float: Option<f64>,
}

impl WantedTag<'_> {
    fn accepts(&self, value: Value<'_>) -> bool {
        match value {
            Value::String(text) => text == self.text,
            Value::Bool(yes) => self.text == if yes { "true" } else { "false" },
            // "007" is not how 7 is shown, hence the second look where the number fits.
            Value::Int64(number) => self.int == Some(number) && self.is_text_of(value),
            Value::Float64(number) => {
                (self.float == Some(number) || number.is_nan()) && self.is_text_of(value)
            }
            Value::Binary(bytes) => self.text.len() == bytes.len() * 2 && self.is_text_of(value),
        }
    }

    fn is_text_of(&self, value: Value<'_>) -> bool {
        TagValue::from(value).to_string() == self.text
    }
}

impl<'q> Search<'q> {
    /// Prepares a query; `None` where nothing can match.
    ///
    /// # Errors
    /// The query asks for too many tags.
    pub(crate) fn new(query: &'q TraceQuery) -> Result<Option<Search<'q>>, StoreError> {
        if query.tags.len() > MAX_TAGS {
            return Err(StoreError::Limit {
                what: "tags of a search",
                limit: MAX_TAGS as u64,
            });
        }
        if query.limit == 0 || query.start_min_ns > query.start_max_ns {
            return Ok(None);
        }
        let tag = |(key, text): &'q (String, String)| WantedTag {
            key,
            text,
            int: text.parse().ok(),
            float: text.parse().ok(),
        };
        let mut terms = Vec::new();
        terms.extend(query.service.as_deref().map(filter::service));
        terms.extend(query.operation.as_deref().map(filter::operation));
        terms.extend(query.tags.iter().map(|(key, text)| filter::tag(key, text)));
        Ok(Some(Search {
            query,
            tags: query.tags.iter().map(tag).collect(),
            terms,
        }))
    }

    /// What a matching span must bring, as hashes.
    pub(crate) fn terms(&self) -> &[u64] {
        &self.terms
    }

    /// The service asked for.
    pub(crate) fn service(&self) -> Option<&str> {
        self.query.service.as_deref()
    }

    /// Whether spans within the bounds may match.
    pub(crate) fn admits(&self, bounds: &Bounds) -> bool {
        bounds.overlaps(self.query.start_min_ns, self.query.start_max_ns)
            && self
                .query
                .duration_min_ns
                .is_none_or(|min| bounds.max_duration_ns >= min)
            && self
                .query
                .duration_max_ns
                .is_none_or(|max| bounds.min_duration_ns <= max)
    }

    /// Adds the traces to `found` that have a matching span in the batch.
    ///
    /// # Errors
    /// The batch is corrupt.
    pub(crate) fn scan(&self, batch: &Batch, found: &mut FxHashSet<TraceId>) -> Result<(), CodecError> {
        if !self.admits(batch.bounds()) {
            return Ok(());
        }
        let Some(plan) = self.plan(batch) else {
            return Ok(());
        };
        for header in batch.headers() {
            if !found.contains(&header.trace_id) && self.matches(batch, &plan, header)? {
                found.insert(header.trace_id);
            }
        }
        Ok(())
    }

    /// The query in the numbers of one batch; `None` where no span of it can match.
    fn plan(&self, batch: &Batch) -> Option<Plan> {
        let operation = match &self.query.operation {
            Some(name) => Some(batch.number(name)?),
            None => None,
        };
        let keys = self
            .tags
            .iter()
            .map(|tag| batch.number(tag.key))
            .collect::<Option<Vec<u32>>>()?;
        let process = |process: &std::sync::Arc<model::spans::Process>| {
            let service = self.query.service.as_ref();
            service
                .is_none_or(|service| *service == process.service)
                .then(|| self.process_mask(process))
        };
        let processes: Vec<Option<u64>> = batch.processes().iter().map(process).collect();
        processes.iter().any(Option::is_some).then_some(Plan {
            operation,
            keys,
            processes,
        })
    }

    fn process_mask(&self, process: &model::spans::Process) -> u64 {
        let met = |wanted: &WantedTag<'_>| {
            process
                .tags
                .iter()
                .any(|tag| tag.key == wanted.key && wanted.accepts(Value::of(&tag.value)))
        };
        self.tags
            .iter()
            .enumerate()
            .filter(|(_, tag)| met(tag))
            .fold(0, |mask, (i, _)| mask | 1 << i)
    }

    fn matches(&self, batch: &Batch, plan: &Plan, header: &Header) -> Result<bool, CodecError> {
        let query = self.query;
        let Some(Some(process_mask)) = plan.processes.get(header.process as usize) else {
            return Ok(false);
        };
        if header.start_ns < query.start_min_ns
            || header.start_ns > query.start_max_ns
            || plan
                .operation
                .is_some_and(|operation| operation != header.operation)
            || query.duration_min_ns.is_some_and(|min| header.duration_ns < min)
            || query.duration_max_ns.is_some_and(|max| header.duration_ns > max)
        {
            return Ok(false);
        }
        let mut missing = all_tags(self.tags.len()) & !process_mask;
        if missing == 0 {
            return Ok(true);
        }
        batch.visit_tags(header, |key, value| {
            for (i, (wanted, wanted_key)) in self.tags.iter().zip(&plan.keys).enumerate() {
                if missing & (1 << i) != 0 && *wanted_key == key && wanted.accepts(value) {
                    missing &= !(1 << i);
                }
            }
            missing != 0
        })?;
        Ok(missing == 0)
    }
}

/// A query in the numbers of one batch.
struct Plan {
    operation: Option<u32>,
    keys: Vec<u32>,
    /// Of each process the tags that it meets; `None` for another service than asked for.
    processes: Vec<Option<u64>>,
}

fn all_tags(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests;
