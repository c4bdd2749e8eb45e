use model::Matcher;

use super::*;

#[test]
fn a_seed_repeats_its_data() {
    let show = |seed| format!("{:?}", generate(seed, 1_000_000).series);
    assert_eq!(show(1), show(1));
    assert_ne!(show(1), show(2));
}

#[test]
fn what_is_made_is_what_stores_take() {
    for seed in 0..20 {
        let data = generate(seed, 1_000_000);
        assert!(
            data.series.windows(2).all(|pair| pair[0].labels < pair[1].labels),
            "two of a name"
        );
        for series in &data.series {
            assert!(
                series.points.windows(2).all(|pair| pair[0].0 < pair[1].0),
                "{}",
                series.labels
            );
            assert_eq!(series.points[0].0, data.start_ms);
            for (_, point) in &series.points {
                if let Point::Histogram(histogram) = point {
                    histogram
                        .validate()
                        .unwrap_or_else(|e| panic!("{}: {e}", series.labels));
                }
            }
        }
    }
}

#[test]
fn every_name_of_the_grammar_is_there() {
    let data = generate(3, 0);
    for name in crate::grammar::names() {
        let matcher = Matcher::equal("__name__", name);
        let found = data.series.iter().any(|s| matcher.matches_labels(&s.labels));
        assert!(found || name == "no_such_metric", "{name}");
    }
}
