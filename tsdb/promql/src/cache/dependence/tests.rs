use super::*;
use crate::{ParserOptions, parse_with};

const ASKED: Asked = Asked {
    start_ms: 1_000_000,
    end_ms: 2_000_000,
    lookback_ms: 300_000,
    delayed_names: true,
};

fn of(query: &str) -> Dependence {
    Dependence::of(&parse_with(query, &ParserOptions::all()).unwrap(), ASKED)
}

#[track_caller]
fn reads(query: &str, relative_ms: Option<i64>, fixed_ms: Option<i64>) {
    let found = of(query);
    assert_eq!(
        (found.relative_ms, found.fixed_ms),
        (relative_ms, fixed_ms),
        "{query}"
    );
    assert!(!found.window, "{query}");
}

#[test]
fn how_late_samples_can_be() {
    reads("1 + time()", None, None);
    reads("a", Some(0), None);
    reads("rate(a[1h]) + b offset 5m", Some(0), None);
    reads("a offset 5m", Some(-300_000), None);
    reads("a offset -5m or b", Some(300_000), None);
    reads("a @ 100", None, Some(100_000));
    reads("a @ 100 offset -1m + b", Some(0), Some(160_000));
    reads("max_over_time(a[1h:1m] offset -2m)", Some(120_000), None);
    reads(
        "max_over_time((a offset -1m)[1h:1m] offset -2m)",
        Some(180_000),
        None,
    );
    reads("max_over_time((a offset -1m)[1h:1m] @ 500)", None, Some(560_000));
    reads("max_over_time((a @ 7)[1h:1m] @ 500)", None, Some(7_000));
    reads("rate(a[2 * step()])", Some(0), None);
    reads("max_over_time(a[1h:step()])", Some(0), None);
    reads("a + a offset -(step() + 1m)", Some(0), Some(i64::MAX));
    reads("rate(a[5m] smoothed) + a offset 1h", Some(300_000), None);
    reads("increase(a[5m] anchored)", Some(0), None);
    reads("-sum by (x) (topk(3, (a)))", Some(0), None);
}

#[test]
fn info_reads_series_that_no_selector_names() {
    let found = of("info(label_replace(vector(1), \"job\", \"x\", \"\", \"\"))");
    assert_eq!(found.relative_ms, Some(0));
    assert!(found.holds_before(Some(1_000)) <= 1_000);
}

#[test]
fn what_depends_on_the_window() {
    for query in [
        "a @ end()",
        "rate(a[5m] @ start())",
        "a + scalar(b) * (end() - start())",
        "vector(range())",
        "sort(a)",
        "sort_by_label_desc(a, \"x\")",
        "info(a)",
        "limitk(2, a)",
        "topk(scalar(a), b)",
        "quantile(time() / 1e9, b)",
        "a or rate(b[1m])",
        "(a * 2) or last_over_time(b[1m])",
        "sum(a) by (__name__) or -b",
        "label_replace(-a, \"__name__\", \"b\", \"x\", \".+\")",
        "a offset range()",
        "rate(a[max_of(1m, range() / 10)])",
    ] {
        assert!(of(query).window, "{query}");
    }
    for query in [
        "a or b",
        "rate(a[1m]) or -b",
        "sum(a) or vector(0)",
        "rate(a[1m]) or vector(0)",
        "sum(rate(a[1m])) or b",
        "topk(-(-3), a)",
        "vector(step())",
        "limit_ratio(0.5, a)",
        "a > 3 and -b",
    ] {
        assert!(!of(query).window, "{query}");
    }
}

#[test]
fn where_names_go_at_once_metrics_may_become_one() {
    let asked = Asked {
        delayed_names: false,
        ..ASKED
    };
    let of = |query: &str| Dependence::of(&parse_with(query, &ParserOptions::all()).unwrap(), asked);
    for query in [
        "rate({job=\"x\"}[5m])",
        "rate({__name__=~\"a|b\"}[5m])",
        "rate((a or b)[5m:])",
    ] {
        assert!(of(query).window, "{query}");
    }
    for query in [
        "rate(a[5m])",
        "last_over_time({job=\"x\"}[5m])",
        "-{job=\"x\"}",
        "time()",
    ] {
        assert!(!of(query).window, "{query}");
    }
}

#[test]
fn steps_before_a_change_hold() {
    let plain = of("a");
    assert_eq!(plain.holds_before(None), i64::MAX);
    assert_eq!(plain.holds_before(Some(500)), 500);
    assert_eq!(of("a offset -5m").holds_before(Some(500_000)), 200_000);
    assert_eq!(of("a offset 5m").holds_before(Some(500_000)), 800_000);
    assert_eq!(of("a + b @ 100").holds_before(Some(100_000)), i64::MIN);
    assert_eq!(of("a + b @ 100").holds_before(Some(100_001)), 100_001);
    assert_eq!(of("b @ 100").holds_before(Some(100_001)), i64::MAX);
    assert_eq!(of("vector(1)").holds_before(Some(i64::MIN)), i64::MAX);
    assert_eq!(plain.holds_before(Some(i64::MIN)), i64::MIN);
}
