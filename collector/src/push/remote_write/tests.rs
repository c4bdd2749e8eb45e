use super::*;
use crate::push::body::{self, Encoding};
use crate::push::mutation;
use crate::push::wire::write::Writer;

struct Series<'a> {
    labels: &'a [(&'a str, &'a str)],
    samples: &'a [(i64, f64)],
}

fn encode(series: &[Series<'_>]) -> Vec<u8> {
    let mut writer = Writer::default();
    for one in series {
        writer.nested(1, |w| {
            for (name, value) in one.labels {
                w.nested(1, |w| {
                    w.text(1, name).text(2, value);
                });
            }
            for (timestamp, value) in one.samples {
                w.nested(2, |w| {
                    w.double(1, *value).int64(2, *timestamp);
                });
            }
        });
    }
    writer.0
}

#[test]
fn samples_and_labels_arrive() {
    let bytes = encode(&[
        Series {
            labels: &[("__name__", "up"), ("job", "x")],
            samples: &[(1000, 1.0), (2000, 0.0)],
        },
        Series {
            labels: &[("job", "y"), ("__name__", "down")],
            samples: &[(-5, f64::INFINITY)],
        },
    ]);
    let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    let request = decode(&body::decode(Encoding::Snappy, &packed, 1 << 20).unwrap()).unwrap();
    let shown: Vec<(String, i64, f64)> = request
        .rows
        .iter()
        .map(|row| (row.labels.to_string(), row.sample.timestamp_ms, row.sample.value))
        .collect();
    assert_eq!(
        shown,
        [
            (r#"up{job="x"}"#.to_owned(), 1000, 1.0),
            (r#"up{job="x"}"#.to_owned(), 2000, 0.0),
            (r#"down{job="y"}"#.to_owned(), -5, f64::INFINITY),
        ]
    );
    assert_eq!(request.invalid, None);
}

#[test]
fn a_staleness_marker_keeps_its_bits() {
    let bytes = encode(&[Series {
        labels: &[("__name__", "up")],
        samples: &[(1, model::metrics::STALE_NAN)],
    }]);
    let request = decode(&bytes).unwrap();
    assert!(model::metrics::is_stale_nan(request.rows[0].sample.value));
}

#[test]
fn labels_may_follow_the_samples() {
    let mut writer = Writer::default();
    writer.nested(1, |w| {
        w.nested(2, |w| {
            w.double(1, 3.0).int64(2, 7);
        });
        w.nested(1, |w| {
            w.text(1, "__name__").text(2, "late");
        });
    });
    assert_eq!(decode(&writer.0).unwrap().rows[0].labels.to_string(), "late");
}

#[test]
fn a_series_whose_labels_are_not_utf8_is_left_out_alone() {
    let mut writer = Writer::default();
    let mut one = |name: &str, label: &[u8], value: &[u8]| {
        writer.nested(1, |w| {
            w.nested(1, |w| {
                w.text(1, "__name__").text(2, name);
            });
            w.nested(1, |w| {
                w.bytes(1, label).bytes(2, value);
            });
            w.nested(2, |w| {
                w.double(1, 1.0).int64(2, 7);
            });
        });
    };
    one("first", b"job", b"x");
    one("second", b"job", b"\xff");
    one("third", b"\xc3", b"x");
    one("fourth", b"job", b"y");
    writer.nested(3, |w| {
        w.int64(1, 1).text(2, "first").bytes(4, b"\xff");
    });
    let request = decode(&writer.0).unwrap();
    let names: Vec<&str> = request.rows.iter().map(|row| row.labels.metric_name()).collect();
    assert_eq!(names, ["first", "fourth"]);
    assert_eq!(request.samples_invalid, 2);
    assert!(request.invalid.unwrap().contains("not valid UTF-8"));
}

#[test]
fn a_bad_series_is_left_out_and_named_the_rest_is_taken() {
    let bad: [(&[(&str, &str)], &str); 4] = [
        (&[("job", "x")], "invalid metric name or labels"),
        (&[("__name__", "")], "invalid metric name or labels"),
        (&[("__name__", "up"), ("", "x")], "invalid metric name or labels"),
        (
            &[("__name__", "up"), ("job", "x"), ("job", "y")],
            "duplicated label job",
        ),
    ];
    for (labels, why) in bad {
        let bytes = encode(&[
            Series {
                labels: &[("__name__", "good")],
                samples: &[(1, 1.0)],
            },
            Series {
                labels,
                samples: &[(1, 1.0), (2, 1.0)],
            },
        ]);
        let request = decode(&bytes).unwrap();
        assert_eq!(request.rows.len(), 1, "{labels:?}");
        assert_eq!(request.samples_invalid, 2);
        let said = request.invalid.unwrap();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn too_many_labels_are_a_bad_series() {
    let names: Vec<String> = (0..=MAX_LABELS).map(|i| format!("l{i}")).collect();
    let mut labels: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    labels.push(("__name__", "x"));
    let request = decode(&encode(&[Series {
        labels: &labels,
        samples: &[(1, 1.0)],
    }]))
    .unwrap();
    assert!(request.rows.is_empty() && request.invalid.is_some());
}

#[test]
fn metadata_exemplars_and_native_histograms() {
    let mut writer = Writer::default();
    writer
        .nested(1, |w| {
            w.nested(1, |w| {
                w.text(1, "__name__").text(2, "h");
            });
            w.nested(3, |w| {
                w.double(2, 1.0);
            });
            w.nested(4, |w| {
                w.int64(1, 5);
            });
        })
        .nested(3, |w| {
            w.int64(1, 1)
                .text(2, "requests_total")
                .text(4, "Requests.")
                .text(5, "requests");
        });
    let request = decode(&writer.0).unwrap();
    assert_eq!((request.exemplars_skipped, request.histograms_skipped), (1, 1));
    let metadata = Metadata {
        metric_type: MetricType::Counter,
        help: "Requests.".to_owned(),
        unit: "requests".to_owned(),
    };
    assert_eq!(request.metadata, [("requests_total".to_owned(), metadata)]);
}

#[test]
fn mutated_requests_never_panic() {
    let bytes = encode(&[
        Series {
            labels: &[("__name__", "up"), ("job", "x")],
            samples: &[(1000, 1.0), (2000, 0.0)],
        },
        Series {
            labels: &[("__name__", "down"), ("a", "b")],
            samples: &[(1, 2.0)],
        },
    ]);
    mutation::over(&bytes, 20_000, |bytes| drop(decode(bytes)));
}

#[test]
fn version_two_is_answered_as_unsupported() {
    for good in [
        None,
        Some("application/x-protobuf"),
        Some("application/x-protobuf;proto=prometheus.WriteRequest"),
    ] {
        assert!(check_content_type(good).is_ok(), "{good:?}");
    }
    for bad in [
        "application/json",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ] {
        assert!(
            matches!(check_content_type(Some(bad)), Err(PushError::Unsupported { .. })),
            "{bad}"
        );
    }
}
