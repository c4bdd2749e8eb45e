use std::sync::Arc;

use model::histogram::{Buckets, Counts, Histogram, Span};
use promql::{FloatHistogram, RangeSeries};

use super::*;

fn text(write: impl FnOnce(&mut Pen)) -> String {
    let mut pen = Pen::default();
    write(&mut pen);
    pen.into_string()
}

#[test]
fn text_is_escaped() {
    let set = Labels::from_pairs([("a", "x\"y\\z\n")]);
    assert_eq!(text(|pen| labels(pen, &set)), r#"{"a":"x\"y\\z\n"}"#);
}

fn series(name: &str, points: impl IntoIterator<Item = (i64, f64)>) -> RangeSeries {
    let (timestamps, values): (Vec<i64>, Vec<f64>) = points.into_iter().unzip();
    RangeSeries {
        labels: Labels::from_pairs([("__name__", name)]),
        timestamps: timestamps.into(),
        values: values.into(),
        histograms: Arc::default(),
    }
}

#[test]
fn series_that_miss_steps_keep_their_own_times() {
    let matrix = Value::Matrix(vec![
        series("a", [(0, 1.0), (15_000, 2.5), (30_000, f64::NAN)]),
        series("b", [(15_000, -1.0)]),
        series("c", [(0, 1.0), (30_000, 3.0)]),
        series("d", [(500, 1.0), (15_250, 2.0), (45_000, 0.1)]),
    ]);
    let expected = concat!(
        r#""resultType":"matrix","result":["#,
        r#"{"metric":{"__name__":"a"},"values":[[0,"1"],[15,"2.5"],[30,"NaN"]]},"#,
        r#"{"metric":{"__name__":"b"},"values":[[15,"-1"]]},"#,
        r#"{"metric":{"__name__":"c"},"values":[[0,"1"],[30,"3"]]},"#,
        r#"{"metric":{"__name__":"d"},"values":[[0.500,"1"],[15.250,"2"],[45,"0.1"]]}]"#,
    );
    assert_eq!(text(|pen| value(pen, &matrix)), expected);
}

#[test]
fn a_large_matrix_is_the_same_by_several_threads() {
    let points = |n: i64| (0..300).map(move |i| (i * 15_000, (i * n) as f64 / 7.0));
    let all: Vec<RangeSeries> = (0..1000).map(|n| series(&format!("m{n}"), points(n))).collect();
    let mut expected = String::from(r#""resultType":"matrix","result":["#);
    for (i, item) in all.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let alone = text(|pen| value(pen, &Value::Matrix(vec![item.clone()])));
        let alone = alone.split_once('[').map_or("", |(_, rest)| rest);
        expected.push_str(comma);
        expected.push_str(alone.strip_suffix(']').unwrap_or(alone));
    }
    expected.push(']');
    assert!(text(|pen| value(pen, &Value::Matrix(all))) == expected);
}

#[test]
fn strings_and_scalars() {
    let sample = Sample {
        timestamp_ms: 1500,
        value: f64::INFINITY,
    };
    let scalar = text(|pen| value(pen, &Value::Scalar(sample)));
    assert_eq!(scalar, r#""resultType":"scalar","result":[1.500,"+Inf"]"#);
    let of_text = Value::String {
        timestamp_ms: 0,
        value: "a\"b".to_owned(),
    };
    assert_eq!(
        text(|pen| value(pen, &of_text)),
        r#""resultType":"string","result":[0,"a\"b"]"#
    );
}

#[test]
fn of_histograms_the_filled_buckets_are_shown_with_their_bounds() {
    let histogram = Histogram {
        schema: 0,
        zero_threshold: 0.5,
        sum: -1.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        negative_spans: vec![Span { offset: 2, length: 1 }],
        counts: Counts::Float(Buckets {
            count: 6.5,
            zero_count: 1.0,
            positive: vec![2.5, 0.0],
            negative: vec![3.0],
        }),
        ..Histogram::stale()
    };
    let histogram = Arc::new(FloatHistogram::from(&histogram));
    let shown = concat!(
        r#"{"count":"6.5","sum":"-1.5","buckets":"#,
        r#"[[1,"-4","-2","3"],[3,"-0.5","0.5","1"],[0,"1","2","2.5"]]}"#
    );
    let one = Value::Vector(vec![InstantSample {
        labels: Labels::empty(),
        timestamp_ms: 1500,
        value: SampleValue::Histogram(Arc::clone(&histogram)),
    }]);
    let expected =
        format!(r#""resultType":"vector","result":[{{"metric":{{}},"histogram":[1.500,{shown}]}}]"#);
    assert_eq!(text(|pen| value(pen, &one)), expected);
    let mut mixed = series("a", [(1000, 2.0)]);
    mixed.histograms = vec![(2000, histogram)].into();
    let expected = format!(
        r#""resultType":"matrix","result":[{{"metric":{{"__name__":"a"}},"values":[[1,"2"]],"histograms":[[2,{shown}]]}}]"#
    );
    assert_eq!(text(|pen| value(pen, &Value::Matrix(vec![mixed]))), expected);
    let empty = Arc::new(FloatHistogram::default());
    let none = text(|pen| histogram::point(pen, 0, &empty));
    assert_eq!(none, r#"[0,{"count":"0","sum":"0"}]"#);
}
