use super::*;

fn queries(seed: u64, count: usize) -> Vec<Query> {
    let mut grammar = Grammar::new(seed, 1_700_000_000_000);
    (0..count).map(|_| grammar.query()).collect()
}

#[test]
fn a_seed_repeats_its_queries() {
    let show = |seed| format!("{:?}", queries(seed, 50));
    assert_eq!(show(1), show(1));
    assert_ne!(show(1), show(2));
}

#[test]
fn parentheses_and_brackets_close() {
    for query in queries(5, 2000) {
        let text = query.text();
        for (open, close) in [('(', ')'), ('[', ']'), ('{', '}')] {
            let count = |c| text.chars().filter(|x| *x == c).count();
            assert_eq!(count(open), count(close), "{text}");
        }
        assert!(text.len() < 8000, "{}", text.len());
    }
}

#[test]
fn the_whole_language_is_spoken() {
    let all: String = queries(9, 6000).iter().map(|q| q.text() + "\n").collect();
    for piece in [
        " offset ",
        " @ start()",
        " @ 1",
        " smoothed",
        " anchored",
        "fill_left(",
        "fill(",
        "limitk",
        "limit_ratio",
        "count_values",
        "group_left",
        "group_right",
        "ignoring(",
        " unless ",
        " atan2 ",
        "bool ",
        " </ ",
        " >/ ",
        ":1m]",
        "step() +",
        "histogram_quantiles(",
        "histogram_fraction(",
        "info(",
        "label_join(",
        "sort_by_label_desc(",
        "absent_over_time(",
        "double_exponential_smoothing(",
        "mad_over_time(",
        "ts_of_max_over_time(",
        "\"http.server.requests\"",
        "start_timestamp(",
    ] {
        assert!(all.contains(piece) || piece == "{piece} never comes");
    }
}

#[test]
fn times_read_as_seconds() {
    assert_eq!([0, 1500, -1, 60_000].map(seconds), ["0", "1.500", "-0.001", "60"]);
}
