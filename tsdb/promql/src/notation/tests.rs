use super::*;

fn floats(text: &str) -> Vec<f64> {
    let value = |v: &SeriesValue| match v {
        SeriesValue::Float(x) => *x,
        SeriesValue::Gap => f64::NEG_INFINITY,
        SeriesValue::Histogram => f64::INFINITY,
    };
    parse_values(text).unwrap().iter().map(value).collect()
}

#[test]
fn values_expand() {
    assert_eq!(floats("1 2 3"), [1.0, 2.0, 3.0]);
    assert_eq!(floats("0+10x3"), [0.0, 10.0, 20.0, 30.0]);
    assert_eq!(floats("-2-0.5x1 7x1"), [-2.0, -2.5, 7.0, 7.0]);
    assert_eq!(floats("1e-3+1e+2x1"), [0.001, 100.001]);
    assert_eq!(
        floats("_ 1 _x2"),
        [f64::NEG_INFINITY, 1.0, f64::NEG_INFINITY, f64::NEG_INFINITY]
    );
    assert_eq!(
        floats("{{schema:0 sum:1 count:1}}x1 1"),
        [f64::INFINITY, f64::INFINITY, 1.0]
    );
    assert_eq!(floats("0x2 -0x0"), [0.0, 0.0, 0.0, 0.0]);
    assert!(model::metrics::is_stale_nan(floats("stale")[0]));
}

#[test]
fn nonsense_is_refused() {
    for text in ["a", "1x", "x3", "1+x3", "1+1", "__", "1x99999999999"] {
        assert!(parse_values(text).is_err(), "{text}");
    }
    for text in [
        "{",
        "a{b}",
        "a{b=}",
        "a{b=\"c\" d=\"e\"}",
        "a{b=\"c",
        "a b",
        "a{b=\"\\q\"}",
    ] {
        assert!(parse_labels(text).is_err(), "{text}");
    }
}

#[test]
fn labels_in_all_spellings() {
    let expected = Labels::from_pairs([("__name__", "up"), ("job", "a\"b")]);
    for text in [
        r#"up{job="a\"b"}"#,
        r#"{__name__="up", job='a"b',}"#,
        r#"{"up", "job"=`a"b`}"#,
        r#"up { job = "a\x22b" }"#.replacen("up ", "up", 1).as_str(),
    ] {
        assert_eq!(parse_labels(text).unwrap(), expected, "{text}");
    }
    assert_eq!(parse_labels("{}").unwrap(), Labels::empty());
}
