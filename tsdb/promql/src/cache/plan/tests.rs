use model::Labels;

use super::*;
use crate::value::{RangeSeries, Value};

fn grid(start_ms: i64, end_ms: i64) -> Grid {
    Grid::new(start_ms, end_ms, 10, 1000).unwrap()
}

/// Two series: `a` has its time as value at every step, `b` at every other.
fn columns(grid: Grid, warnings: &[&str]) -> Columns {
    let series = ["a", "b"].map(|name| {
        let times = || {
            (0..grid.count)
                .map(|i| grid.at(i))
                .filter(|t| name == "a" || t % 20 == 0)
        };
        RangeSeries {
            labels: Labels::from_pairs([("x", name)]),
            timestamps: times().collect(),
            values: times().map(|t| t as f64).collect(),
            histograms: Arc::default(),
        }
    });
    let result = QueryResult {
        value: Value::Matrix(series.into_iter().filter(|s| !s.is_empty()).collect()),
        warnings: warnings.iter().map(|w| (*w).to_owned()).collect(),
        infos: Vec::new(),
        stats: None,
    };
    Columns::of(&result, grid).unwrap()
}

fn planned(kept: &Columns, holds_before_ms: i64, asked: Grid) -> Plan {
    plan(&Arc::new(kept.clone()), holds_before_ms, asked)
}

fn shown(columns: &Columns, steps: &Range<usize>) -> QueryResult {
    columns.answer(steps)
}

fn whole(grid: Grid, warnings: &[&str]) -> QueryResult {
    shown(&columns(grid, warnings), &(0..grid.count))
}

#[track_caller]
fn extends(old: Grid, holds_before_ms: i64, asked: Grid, kept: Grid) {
    let Plan::Some(reuse) = planned(&columns(old, &[]), holds_before_ms, asked) else {
        panic!("not reused");
    };
    let part = |grid: Option<Grid>| grid.map(|grid| columns(grid, &[]));
    let (head, tail) = (part(reuse.head), part(reuse.tail));
    let joined = reuse.join(head.as_ref(), tail.as_ref()).unwrap();
    assert_eq!(joined.columns.grid, kept);
    assert_eq!(shown(&joined.columns, &joined.answer), whole(asked, &[]));
    assert_eq!(shown(&joined.columns, &(0..kept.count)), whole(kept, &[]));
}

#[test]
fn missing_steps_are_joined_to_those_there() {
    extends(grid(0, 100), i64::MAX, grid(10, 110), grid(10, 110));
    extends(grid(0, 100), i64::MAX, grid(-10, 90), grid(-10, 90));
    extends(grid(0, 100), i64::MAX, grid(-20, 120), grid(-20, 120));
    extends(grid(0, 100), 50, grid(0, 100), grid(0, 100));
    // A short window leaves a long one its length.
    extends(grid(0, 100), i64::MAX, grid(90, 110), grid(10, 110));
    extends(grid(0, 100), 95, grid(80, 100), grid(0, 100));
}

#[test]
fn what_is_there_is_a_view() {
    let kept = columns(grid(0, 100), &[]);
    let Plan::Kept(answer) = planned(&kept, i64::MAX, grid(30, 50)) else {
        panic!("evaluated again");
    };
    assert_eq!(answer, whole(grid(30, 50), &[]));
    let Plan::Kept(answer) = planned(&kept, i64::MAX, grid(50, 50)) else {
        panic!("evaluated again");
    };
    assert_eq!(answer, whole(grid(50, 50), &[]), "b has nothing at 50");
    assert!(matches!(planned(&kept, 50, grid(30, 50)), Plan::Some(_)));
}

#[test]
fn what_says_little_is_no_use() {
    let kept = columns(grid(0, 100), &[]);
    assert!(matches!(planned(&kept, i64::MAX, grid(110, 200)), Plan::Nothing));
    assert!(matches!(planned(&kept, i64::MIN, grid(0, 100)), Plan::Nothing));
    assert!(matches!(planned(&kept, 0, grid(0, 100)), Plan::Nothing));
    assert!(matches!(planned(&kept, i64::MAX, grid(-100, 200)), Plan::Nothing));
}

#[test]
fn warnings_must_be_confirmed() {
    let kept = columns(grid(0, 100), &["w"]);
    assert!(matches!(planned(&kept, i64::MAX, grid(0, 100)), Plan::Kept(_)));
    assert!(matches!(planned(&kept, i64::MAX, grid(0, 90)), Plan::Nothing));
    let Plan::Some(reuse) = planned(&kept, i64::MAX, grid(10, 110)) else {
        panic!("not reused");
    };
    let tail = |warnings: &[&str]| columns(reuse.tail.unwrap(), warnings);
    assert!(reuse.join(None, Some(&tail(&[]))).is_none());
    let joined = reuse.join(None, Some(&tail(&["v", "w"]))).unwrap();
    assert_eq!(
        shown(&joined.columns, &joined.answer),
        whole(grid(10, 110), &["v", "w"])
    );
    assert_eq!(joined.columns.grid, grid(10, 110));
    let many: Vec<String> = (0..MANY_NOTES).map(|i| format!("w{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["w"]).collect();
    assert!(reuse.join(None, Some(&tail(&many))).is_none());
}
