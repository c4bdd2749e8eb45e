use super::*;

fn floats(text: &str) -> Vec<f64> {
    let value = |v: &SeriesValue| match v {
        SeriesValue::Float(x) => *x,
        SeriesValue::Gap => f64::NEG_INFINITY,
        SeriesValue::Histogram(_) => f64::INFINITY,
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

fn written(text: &str) -> String {
    let values = parse_values(text).unwrap();
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(" ")
}

#[test]
fn histograms_read_and_write() {
    let all = "{{schema:1 count:9 sum:-2.5 z_bucket:1 z_bucket_w:0.001 counter_reset_hint:gauge offset:-2 \
               buckets:[1 0 2] n_offset:3 n_buckets:[4 1]}}";
    assert_eq!(written(all), all);
    let custom = "{{schema:-53 count:3 sum:1 custom_values:[0.5 1] buckets:[1 0 2]}}";
    assert_eq!(written(custom), custom);
    assert_eq!(written("{{}} {{ sum:16 }}"), "{{}} {{sum:16}}");
    assert_eq!(
        written("1 {{count:1 buckets:[1]}}+{{count:2 buckets:[1 1]}}x2 _x2 {{sum:1}}x1 stale"),
        "1 {{count:1 buckets:[1]}} {{count:3 buckets:[2 1]}} {{count:5 buckets:[3 2]}} _ _ {{sum:1}} {{sum:1}} stale"
    );
    assert_eq!(written("{{count:3}}-{{count:2}}x1"), "{{count:3}} {{count:1}}");
}

#[test]
fn histograms_of_a_wrong_form_are_refused() {
    for text in [
        "{{",
        "{{sum}}",
        "{{sum:a}}",
        "{{sum:1 sum:2}}",
        "{{buckets:1}}",
        "{{buckets:[1}}",
        "{{schema:300}}",
        "{{colour:1}}",
        "{{counter_reset_hint:maybe}}",
        "{{offset:2147483647 buckets:[1]}}",
        "{{}}x",
        "{{}}+{{}}",
        "{{}}*{{}}x2",
        "{{}}x99999999999",
        "{{schema:-53}}+{{}}x1",
        "{{schema:1}}+{{}}x1",
    ] {
        assert!(parse_values(text).is_err(), "{text}");
    }
}
