//! Which series and times a command is about.

use model::metrics::Samples;
use model::{Labels, Matcher};

use crate::flags::tsdb_tool::Select;

/// A choice of samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    /// A series satisfies all matchers of one of these; none is every series.
    pub(super) sets: Vec<Vec<Matcher>>,
    pub(super) min_ms: i64,
    /// Inclusive.
    pub(super) max_ms: i64,
}

impl Selection {
    /// Reads the command line.
    ///
    /// # Errors
    /// A selector does not parse.
    pub(super) fn new(select: &Select) -> Result<Selection, String> {
        let parse =
            |text: &String| api::prometheus::params::parse_selector("--match", text).map_err(|e| e.message);
        Ok(Selection {
            sets: select.matches.iter().map(parse).collect::<Result<_, _>>()?,
            min_ms: select.min_time.unwrap_or(i64::MIN),
            max_ms: select.max_time.unwrap_or(i64::MAX),
        })
    }

    pub(super) fn has(&self, labels: &Labels) -> bool {
        self.sets.is_empty()
            || self
                .sets
                .iter()
                .any(|set| set.iter().all(|m| m.matches_labels(labels)))
    }

    /// Whether all times are wanted.
    fn always(&self) -> bool {
        self.min_ms == i64::MIN && self.max_ms == i64::MAX
    }

    /// Whether something between two times (inclusive) may be wanted.
    pub(super) fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        min_ms <= self.max_ms && max_ms >= self.min_ms
    }

    /// The samples that are wanted, in `scratch` where these are not all.
    pub(super) fn cut<'a>(&self, samples: &'a Samples, scratch: &'a mut Samples) -> &'a Samples {
        if self.always() {
            return samples;
        }
        let inside = |t: i64| (self.min_ms..=self.max_ms).contains(&t);
        scratch.clear();
        for sample in samples.iter().filter(|s| inside(s.timestamp_ms)) {
            scratch.push(sample.timestamp_ms, sample.value);
        }
        let histograms = samples.histograms.iter().filter(|(t, _)| inside(*t));
        scratch.histograms.extend(histograms.cloned());
        samples
            .starts
            .copy_range(self.min_ms, self.max_ms, &mut scratch.starts);
        scratch
    }
}
