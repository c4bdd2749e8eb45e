use super::*;

const R: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

fn given(columns: &[(Aggregate, &[(i64, f64)])], wanted: Wanted, range: (i64, i64)) -> Vec<(i64, f64)> {
    let mut windows = Windows::default();
    for (aggregate, points) in columns {
        for (ms, value) in *points {
            windows.of(*aggregate).push(*ms, *value);
        }
    }
    let mut into = Samples::default();
    windows.samples(wanted, R, range.0, range.1, &mut into);
    into.iter().map(|s| (s.timestamp_ms, s.value)).collect()
}

#[test]
fn a_value_is_repeated_up_to_the_next_window_and_not_over_a_gap() {
    let (first, second, third) = (R - MINUTE, R + 20 * MINUTE, 3 * R + 1);
    let last: &[(i64, f64)] = &[(first, 1.0), (second, 2.0), (third, 3.0)];
    let found = given(&[(Aggregate::Last, last)], Wanted::Last, (0, 9 * R));
    let minutes: Vec<(i64, f64)> = found.iter().map(|(ms, v)| (ms / MINUTE, *v)).collect();
    assert_eq!(
        minutes,
        [
            (59, 1.0),
            (64, 1.0),
            (69, 1.0),
            (74, 1.0),
            (79, 1.0),
            (80, 2.0),
            (180, 3.0)
        ]
    );
    // Also what lies outside of the range shows within.
    let part = given(
        &[(Aggregate::Last, last)],
        Wanted::Last,
        (65 * MINUTE, 76 * MINUTE),
    );
    assert_eq!(part, [(69 * MINUTE, 1.0), (74 * MINUTE, 1.0)]);
}

#[test]
fn samples_are_counted_within_their_window() {
    for (last_ms, count) in [(R + 59 * MINUTE, 240.0), (R, 1.0), (R + 2, 3.0), (R + 5, 2.0)] {
        let found = given(
            &[(Aggregate::Count, &[(last_ms, count)])],
            Wanted::Count,
            (R, 2 * R - 1),
        );
        assert_eq!(found.len() as f64, count, "{last_ms}");
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(found.last().unwrap().0, last_ms);
    }
    // Whatever the bytes say.
    for bad in [f64::NAN, -1.0, 1e300] {
        let found = given(
            &[(Aggregate::Count, &[(R + 9, bad)])],
            Wanted::Count,
            (R, 2 * R - 1),
        );
        assert!(found.len() <= 10, "{bad}");
    }
}

#[test]
fn a_mean_is_that_of_its_window() {
    let columns: [(Aggregate, &[(i64, f64)]); 2] = [
        (Aggregate::Count, &[(5, 4.0), (R, 2.0)]),
        (Aggregate::Sum, &[(5, 6.0), (R, 1.0), (2 * R, 1.0)]),
    ];
    assert_eq!(given(&columns, Wanted::Mean, (0, 9 * R)), [(5, 1.5), (R, 0.5)]);
}

#[test]
fn a_counter_that_began_anew_within_a_window_tells_how_much_it_grew() {
    // 100, then 110, 0, 500 within one window.
    let columns: [(Aggregate, &[(i64, f64)]); 3] = [
        (Aggregate::First, &[(R - 5, 100.0), (R + 50, 110.0)]),
        (Aggregate::Increase, &[(R - 5, 0.0), (R + 50, 500.0)]),
        (Aggregate::Last, &[(R - 5, 100.0), (R + 50, 500.0)]),
    ];
    assert_eq!(
        given(&columns, Wanted::Counter, (0, 9 * R)),
        [(R - 5, 100.0), (R, 110.0), (R + 1, 0.0), (R + 50, 500.0)]
    );
}
