//! Which series of several places are the same.
//!
//! By their identities alone: no labels are looked at, and nothing is sorted. One place alone needs no table at all. Cost:
//! some 20 ns for each series of each place, less where places have the same series in the same order, as blocks do.

use model::StoreError;
use rustc_hash::FxHashMap;

use super::source::Source;

/// A series in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) source: u32,
    pub(super) series: u32,
}

/// See the module.
pub(super) enum Union {
    /// The series of the only place.
    Only(usize),
    /// Those of several, in the order in which they were met.
    Many {
        /// Where each series' places begin, and where the last one's end.
        starts: Vec<u32>,
        /// The places, the oldest first.
        places: Vec<At>,
    },
}

/// A series that is not to be seen at all.
const HIDDEN: u32 = u32::MAX;

impl Union {
    /// Of the series of all sources; `hidden` says which series of which are none. At most `max` series, 0 for no bound.
    pub(super) fn of(
        sources: &[Source],
        hidden: impl Fn(&Source, usize) -> bool,
        max: u64,
    ) -> Result<Union, StoreError> {
        let union = match sources {
            [only] if only.is_plain() => Union::Only(only.len()),
            sources => Union::many(sources, hidden),
        };
        if max > 0 && union.len() as u64 > max {
            return Err(StoreError::Limit {
                what: "series",
                limit: max,
            });
        }
        Ok(union)
    }

    fn many(sources: &[Source], hidden: impl Fn(&Source, usize) -> bool) -> Union {
        let largest = sources.iter().map(Source::len).max().unwrap_or(0);
        let mut numbers: FxHashMap<u128, u32> = FxHashMap::default();
        let mut met: Vec<u128> = Vec::with_capacity(largest);
        // The number of each series of each source, and how many places each number has.
        let mut numbered: Vec<Vec<u32>> = Vec::with_capacity(sources.len());
        let mut counts: Vec<u32> = Vec::with_capacity(largest);
        for source in sources {
            let mut next = 0;
            let number = |(at, identity): (usize, u128)| {
                if hidden(source, at) {
                    return HIDDEN;
                }
                // The one that follows the one before, as a rule.
                let number = match met.get(next as usize) {
                    Some(same) if *same == identity => next,
                    _ => *numbers.entry(identity).or_insert_with(|| {
                        met.push(identity);
                        counts.push(0);
                        met.len() as u32 - 1
                    }),
                };
                next = number + 1;
                if let Some(count) = counts.get_mut(number as usize) {
                    *count += 1;
                }
                number
            };
            let identities = source.identities();
            numbered.push(identities.into_iter().enumerate().map(number).collect());
        }
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut end = 0;
        starts.push(0);
        for count in counts {
            end += count;
            starts.push(end);
        }
        let mut places = vec![At { source: 0, series: 0 }; end as usize];
        let mut next = starts.clone();
        for (source, numbers) in numbered.iter().enumerate() {
            for (series, &number) in numbers.iter().enumerate() {
                if let Some(at) = next.get_mut(number as usize)
                    && let Some(place) = places.get_mut(*at as usize)
                {
                    *place = At {
                        source: source as u32,
                        series: series as u32,
                    };
                    *at += 1;
                }
            }
        }
        Union::Many { starts, places }
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Union::Only(len) => *len,
            Union::Many { starts, .. } => starts.len().saturating_sub(1),
        }
    }

    /// The places of a series, the oldest first; of the only place `only` is filled in.
    pub(super) fn places<'a>(&'a self, series: usize, only: &'a mut At) -> &'a [At] {
        match self {
            Union::Only(_) => {
                *only = At {
                    source: 0,
                    series: series as u32,
                };
                std::slice::from_ref(only)
            }
            Union::Many { starts, places } => {
                let start = |at: usize| starts.get(at).map_or(0, |start| *start as usize);
                places.get(start(series)..start(series + 1)).unwrap_or_default()
            }
        }
    }
}
