//! Which stretches of time are answered from single samples and which from downsampled blocks.
//!
//! Single samples are right wherever there are any, unless the query allows coarser numbers: then the coarsest allowed
//! count up to where single samples begin that are not downsampled yet. Where there are no single samples any more the
//! finest numbers there are take their place. No time is answered twice. Costs next to nothing without downsampled
//! blocks.

use crate::downsample::{align_up, windows};
use crate::spans::Spans;
use crate::tombstone::Erased;
use crate::view::View;

/// A stretch of time, from and up to but not with, that downsampled blocks answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) resolution_ms: i64,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    /// Instead of single samples; else because there are none.
    pub(super) preferred: bool,
}

/// How a range of time is answered.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// Downsampled, in the order of time.
    pub(super) parts: Vec<Part>,
    /// Where single samples count; both ends inclusive.
    pub(super) raw: Vec<(i64, i64)>,
    /// Where single samples of all series are kept from, if some are kept for longer.
    pub(super) all_from_ms: Option<i64>,
}

/// Where there are data of which kind.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// Where single samples of all series are kept from, if some are kept for longer.
    pub(super) all_from_ms: Option<i64>,
    pub(super) raw: Spans,
    /// By resolution, the finest first.
    pub(super) downsampled: Vec<(i64, Spans)>,
}

impl Coverage {
    /// What a view has; `None` where nothing is downsampled.
    pub(super) fn of(view: &View, erased: &Erased) -> Option<Coverage> {
        let metas = || view.blocks.iter().map(|b| b.meta());
        let mut resolutions: Vec<i64> = metas().map(|m| m.resolution_ms).filter(|r| *r > 0).collect();
        resolutions.sort_unstable();
        resolutions.dedup();
        let coarsest_ms = *resolutions.last()?;
        let downsampled = resolutions.into_iter().map(|resolution_ms| {
            let blocks = metas().filter(|m| m.resolution_ms == resolution_ms);
            (
                resolution_ms,
                Spans::of(blocks.map(|m| windows(m, resolution_ms))),
            )
        });
        // The short gap from one block to the next is none.
        let blocks = metas().filter(|m| m.resolution_ms == 0);
        let blocks = blocks.map(|m| windows(m, coarsest_ms));
        // Nor is memory looked at: nothing is downsampled that is not in blocks, and a late sample in it hides nothing.
        // Where rules keep some series for longer, blocks stay that have these only: not all of time counts as there.
        let general_ms = erased.retention_ms.filter(|_| !erased.rules.is_empty());
        let all_from_ms = general_ms.map(|ms| erased.first_kept_ms(ms));
        let whole_from_ms = all_from_ms.map_or(i64::MIN, |ms| align_up(ms, coarsest_ms));
        Some(Coverage {
            all_from_ms,
            raw: Spans::of(blocks.map(|(from, to)| (from.max(whole_from_ms), to))),
            downsampled: downsampled.collect(),
        })
    }
}

impl Resolution {
    /// A range that single samples answer.
    fn single(start_ms: i64, end_ms: i64) -> Resolution {
        Resolution {
            parts: Vec::new(),
            raw: vec![(start_ms, end_ms)],
            all_from_ms: None,
        }
    }

    /// How the range between two times, both inclusive, is answered.
    pub(super) fn choose(
        coverage: Option<&Coverage>,
        start_ms: i64,
        end_ms: i64,
        max_resolution_ms: i64,
    ) -> Resolution {
        let Some(coverage) = coverage.filter(|_| start_ms <= end_ms) else {
            return Resolution::single(start_ms, end_ms);
        };
        let range = Spans::of([(start_ms, end_ms.saturating_add(1))]);
        let mut rest = range.clone();
        let mut parts = Vec::new();
        let mut take = |from: &Spans, resolution_ms: i64, spans: &Spans, preferred: bool| {
            let taken = from.and(spans);
            parts.extend(taken.iter().map(|(start_ms, end_ms)| Part {
                resolution_ms,
                start_ms,
                end_ms,
                preferred,
            }));
            from.minus(&taken)
        };
        let allowed = coverage.downsampled.iter().rev();
        for (resolution_ms, spans) in allowed.filter(|(r, _)| *r <= max_resolution_ms) {
            let first_missing = coverage.raw.minus(spans).iter().next();
            let until_ms = first_missing.map_or(i64::MAX, |(from_ms, _)| from_ms);
            let done = spans.and(&Spans::of([(i64::MIN, until_ms)]));
            rest = take(&rest, *resolution_ms, &done, true);
        }
        let mut gone = rest.minus(&coverage.raw);
        for (resolution_ms, spans) in &coverage.downsampled {
            gone = take(&gone, *resolution_ms, spans, false);
        }
        parts.sort_by_key(|part| part.start_ms);
        let all_from_ms = coverage.all_from_ms;
        let mut raw: Vec<(i64, i64)> = rest.iter().map(|(from, to)| (from, to - 1)).collect();
        // The last moment of all has none after it.
        if end_ms == i64::MAX {
            match raw.last_mut().filter(|last| last.1 == i64::MAX - 1) {
                Some(last) => last.1 = i64::MAX,
                None => raw.push((i64::MAX, i64::MAX)),
            }
        }
        Resolution {
            parts,
            raw,
            all_from_ms,
        }
    }

    /// The stretch in which windows of a resolution are needed, those beside it included; both ends inclusive.
    pub(super) fn reach(&self, resolution_ms: i64) -> Option<(i64, i64)> {
        let parts = || self.parts.iter().filter(|p| p.resolution_ms == resolution_ms);
        let beside = resolution_ms.saturating_mul(2);
        let start_ms = parts().map(|p| p.start_ms).min()?.saturating_sub(beside);
        Some((start_ms, parts().map(|p| p.end_ms).max()?.saturating_add(beside)))
    }
}

#[cfg(test)]
mod tests;
