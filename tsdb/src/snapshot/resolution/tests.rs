use super::*;
use crate::random::Random;

fn coverage(raw: &[(i64, i64)], fine: &[(i64, i64)], coarse: &[(i64, i64)]) -> Coverage {
    let spans = |of: &[(i64, i64)]| Spans::of(of.iter().copied());
    Coverage {
        all_from_ms: None,
        raw: spans(raw),
        downsampled: vec![(5, spans(fine)), (60, spans(coarse))],
    }
}

/// Start, end and resolution of each part.
type Parts = Vec<(i64, i64, i64)>;

fn chosen(coverage: &Coverage, max_resolution_ms: i64) -> (Parts, Vec<(i64, i64)>) {
    let found = Resolution::choose(Some(coverage), 0, 999, max_resolution_ms);
    let parts = found
        .parts
        .iter()
        .map(|p| (p.start_ms, p.end_ms, p.resolution_ms));
    (parts.collect(), found.raw)
}

#[test]
fn single_samples_count_as_long_as_there_are_any() {
    let all = coverage(&[(600, 1000)], &[(300, 900)], &[(0, 780)]);
    let (parts, _) = chosen(&all, 0);
    assert_eq!(parts, [(0, 300, 60), (300, 600, 5)]);
    let found = Resolution::choose(Some(&all), 600, 999, 0);
    assert!(found.parts.is_empty() && found.raw == [(600, 999)]);
}

#[test]
fn coarser_numbers_count_where_they_are_allowed_and_complete() {
    let all = coverage(&[(600, 1000)], &[(300, 900)], &[(0, 780)]);
    assert_eq!(chosen(&all, 4), chosen(&all, 0));
    assert_eq!(
        chosen(&all, 5),
        (vec![(0, 300, 60), (300, 900, 5)], vec![(0, 299), (900, 999)])
    );
    assert_eq!(
        chosen(&all, 60),
        (vec![(0, 780, 60), (780, 900, 5)], vec![(900, 999)])
    );
    // Not beyond single samples that they lack.
    let hole = coverage(&[(600, 1000)], &[(300, 660), (720, 900)], &[]);
    assert_eq!(chosen(&hole, 60).0, [(300, 660, 5)]);
}

#[test]
fn no_time_is_answered_twice_and_none_is_forgotten() {
    let mut random = Random::new(11);
    let mut spans = || {
        let some = (0..random.below(4)).map(|_| {
            let from = random.below(900) as i64;
            (from, from + random.below(300) as i64)
        });
        some.collect::<Vec<_>>()
    };
    for round in 0..300 {
        let all = coverage(&spans(), &spans(), &spans());
        let found = Resolution::choose(Some(&all), 0, 999, [0, 5, 60][round % 3]);
        for ms in 0..1000 {
            let parts = found
                .parts
                .iter()
                .filter(|p| (p.start_ms..p.end_ms).contains(&ms));
            let parts: Vec<_> = parts.collect();
            let raw = found.raw.iter().any(|(from, to)| (*from..=*to).contains(&ms));
            let holds = |spans: &Spans| spans.iter().any(|(from, to)| (from..to).contains(&ms));
            assert!(parts.len() <= 1);
            assert_ne!(raw, parts.iter().any(|p| p.preferred), "{ms}");
            let somewhere = all.downsampled.iter().any(|(_, spans)| holds(spans));
            assert!(!parts.is_empty() || holds(&all.raw) || !somewhere);
            // A part that stands in for single samples only where there are none.
            assert!(parts.iter().all(|p| p.preferred || !holds(&all.raw)));
        }
    }
    let whole = Resolution::choose(Some(&Coverage::default()), i64::MIN, i64::MAX, 0);
    assert_eq!(whole.raw.first().map(|r| r.0), Some(i64::MIN));
    assert_eq!(whole.raw.last().map(|r| r.1), Some(i64::MAX));
}
