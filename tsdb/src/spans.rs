//! Sets of stretches of time, and what is left of one without another.

/// Stretches from, and up to but not with; ascending, none touching another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<(i64, i64)>);

impl Spans {
    /// All of these together.
    pub(crate) fn of(spans: impl IntoIterator<Item = (i64, i64)>) -> Spans {
        let mut sorted: Vec<(i64, i64)> = spans.into_iter().filter(|(from, to)| from < to).collect();
        sorted.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(sorted.len());
        for (from, to) in sorted {
            match joined.last_mut().filter(|last| from <= last.1) {
                Some(last) => last.1 = last.1.max(to),
                None => joined.push((from, to)),
            }
        }
        Spans(joined)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Where both are.
    pub(crate) fn and(&self, other: &Spans) -> Spans {
        let mut others = other.0.as_slice();
        let mut both = Vec::new();
        for &(from, to) in &self.0 {
            let passed = others.partition_point(|o| o.1 <= from);
            others = others.get(passed..).unwrap_or_default();
            let here = others.iter().take_while(|o| o.0 < to);
            both.extend(here.map(|o| (o.0.max(from), o.1.min(to))));
        }
        Spans(both)
    }

    /// Where this is and the other is not.
    pub(crate) fn minus(&self, other: &Spans) -> Spans {
        let mut gaps = Vec::with_capacity(other.0.len() + 1);
        let mut from = i64::MIN;
        for &(start, end) in &other.0 {
            gaps.push((from, start));
            from = end;
        }
        gaps.push((from, i64::MAX));
        self.and(&Spans::of(gaps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_times_behave_as_sets_of_numbers() {
        let mut random = crate::random::Random::new(3);
        let mut some = || {
            let spans: Vec<(i64, i64)> = (0..random.below(5))
                .map(|_| {
                    let from = random.below(40) as i64;
                    (from, from + random.below(10) as i64)
                })
                .collect();
            let holds: Vec<bool> = (0..60)
                .map(|ms| spans.iter().any(|(from, to)| (*from..*to).contains(&ms)))
                .collect();
            (Spans::of(spans), holds)
        };
        let members = |spans: &Spans| -> Vec<bool> {
            (0..60)
                .map(|ms| spans.iter().any(|(from, to)| (from..to).contains(&ms)))
                .collect()
        };
        for _ in 0..500 {
            let ((a, in_a), (b, in_b)) = (some(), some());
            assert_eq!(members(&a), in_a);
            let pairs = || in_a.iter().zip(&in_b);
            assert_eq!(
                members(&a.and(&b)),
                pairs().map(|(a, b)| *a && *b).collect::<Vec<_>>()
            );
            assert_eq!(
                members(&a.minus(&b)),
                pairs().map(|(a, b)| *a && !*b).collect::<Vec<_>>()
            );
            assert!(a.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
