use std::sync::Arc;

use model::SeriesKey;
use model::exemplar::ExemplarSink;
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, MetricType, NewSeries, RefSample, SeriesRef,
};

use super::*;
use crate::push::mutation;
use crate::push::wire::write::Writer;
use crate::sink_double::SinkDouble;

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

/// Sends a request, as yet without its compression, to a sink.
fn send(sink: &SinkDouble, plain: &[u8]) -> Result<Received, ReceiveError> {
    let body = snap::raw::Encoder::new().compress_vec(plain).unwrap();
    Receiver::default().receive(sink, &body, 16 << 20)
}

/// What a new sink stores of a request.
fn stored(plain: &[u8]) -> Vec<String> {
    let sink = SinkDouble::default();
    send(&sink, plain).unwrap();
    sink.take()
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
    let sink = SinkDouble::default();
    let received = send(&sink, &bytes).unwrap();
    let lines = [
        r#"up{job="x"} 1@1000"#,
        r#"up{job="x"} 0@2000"#,
        r#"down{job="y"} inf@-5"#,
    ];
    assert_eq!(sink.take(), lines);
    assert_eq!((received.stored, received.refusal()), (3, None));
}

#[test]
fn a_known_series_is_not_made_again_in_whatever_order_its_labels_come() {
    let sink = SinkDouble::default();
    let orders: [&[(&str, &str)]; 4] = [
        &[("__name__", "up"), ("instance", "i"), ("job", "x")],
        &[("__name__", "up"), ("instance", "i"), ("job", "x")],
        &[("job", "x"), ("instance", "i"), ("__name__", "up")],
        &[("__name__", "up"), ("empty", ""), ("instance", "i"), ("job", "x")],
    ];
    for (round, labels) in orders.into_iter().enumerate() {
        let samples = &[(round as i64, 1.0)];
        send(&sink, &encode(&[Series { labels, samples }])).unwrap();
        let line = format!("up{{instance=\"i\", job=\"x\"}} 1@{round}");
        assert_eq!(sink.take(), [line], "{labels:?}");
        assert_eq!(sink.take_created(), usize::from(round == 0), "{labels:?}");
    }
}

#[test]
fn a_series_that_the_sink_forgot_is_made_anew_and_no_sample_is_lost() {
    /// Forgets everything between the question for handles and the first append.
    struct Forgetful(SinkDouble, parking_lot::Mutex<bool>);

    impl MetricSink for Forgetful {
        fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
            self.0.find(keys, refs);
        }
        fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
            self.0.create(new, refs);
        }
        fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
            if std::mem::take(&mut *self.1.lock()) {
                self.0.forget();
            }
            self.0.append_samples(samples)
        }
        fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
            self.0.append_histograms(rows)
        }
        fn set_metadata(&self, _: &str, _: &Metadata) {}
    }

    let sink = Forgetful(SinkDouble::default(), true.into());
    let plain = encode(&[
        Series {
            labels: &[("job", "nameless")],
            samples: &[(1, 0.0)],
        },
        Series {
            labels: &[("__name__", "a")],
            samples: &[(1, 1.0), (2, 2.0)],
        },
        Series {
            labels: &[("__name__", "b")],
            samples: &[(1, 3.0)],
        },
    ]);
    let body = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
    let received = Receiver::default().receive(&sink, &body, 1 << 20).unwrap();
    assert_eq!((received.stored, received.samples_invalid), (3, 1));
    assert!(received.rejected.is_empty());
    assert_eq!(sink.0.take(), ["a 1@1", "a 2@2", "b 3@1"]);
}

#[test]
fn what_the_sink_refuses_is_counted_by_its_reasons() {
    let sink = SinkDouble::default();
    sink.reject(Rejected::OutOfOrder);
    let plain = encode(&[Series {
        labels: &[("__name__", "a")],
        samples: &[(2, 1.0), (1, 2.0)],
    }]);
    let refusal = send(&sink, &plain).unwrap().refusal();
    assert_eq!(refusal.as_deref(), Some("out of order sample (2 samples)"));
}

#[test]
fn buffers_serve_smaller_requests_after_larger_ones() {
    let (receiver, sink) = (Receiver::default(), SinkDouble::default());
    let long = "x".repeat(10_000);
    for value in [long.as_str(), "y", long.as_str(), "z"] {
        let plain = encode(&[Series {
            labels: &[("__name__", "a"), ("v", value)],
            samples: &[(1, 1.0)],
        }]);
        let body = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        receiver.receive(&sink, &body, 1 << 20).unwrap();
        assert_eq!(sink.take(), [format!("a{{v=\"{value}\"}} 1@1")]);
    }
}

#[test]
fn an_empty_request_stores_nothing() {
    let sink = SinkDouble::default();
    assert_eq!(
        Receiver::default().receive(&sink, &[], 10).unwrap(),
        Received::default()
    );
    assert_eq!(send(&sink, &[]).unwrap(), Received::default());
}

#[test]
fn a_staleness_marker_keeps_its_bits() {
    let labels = &[("__name__", "up")];
    let samples = &[(1, model::metrics::STALE_NAN)];
    assert_eq!(stored(&encode(&[Series { labels, samples }])), ["up stale@1"]);
}

#[test]
fn labels_may_follow_the_samples_or_lie_around_them() {
    let sample = |w: &mut Writer| {
        w.nested(2, |w| {
            w.double(1, 3.0).int64(2, 7);
        });
    };
    let label = |w: &mut Writer, name: &str, value: &str| {
        w.nested(1, |w| {
            w.text(1, name).text(2, value);
        });
    };
    let mut writer = Writer::default();
    writer.nested(1, |w| {
        sample(w);
        label(w, "__name__", "late");
    });
    writer.nested(1, |w| {
        label(w, "__name__", "around");
        sample(w);
        label(w, "job", "x");
    });
    assert_eq!(stored(&writer.0), ["late 3@7", r#"around{job="x"} 3@7"#]);
}

#[test]
fn a_sample_may_leave_out_what_is_zero_and_bring_what_is_not_known() {
    let mut writer = Writer::default();
    writer.nested(1, |w| {
        w.nested(1, |w| {
            w.text(1, "__name__").text(2, "a");
        });
        w.nested(2, |_| {});
        w.nested(2, |w| {
            w.double(1, 1.5);
        });
        w.nested(2, |w| {
            w.int64(2, 5);
        });
        w.nested(2, |w| {
            w.int64(2, 6).double(1, 2.5).int64(9, 1);
        });
    });
    assert_eq!(stored(&writer.0), ["a 0@0", "a 1.5@0", "a 0@5", "a 2.5@6"]);
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
    let sink = SinkDouble::default();
    let received = send(&sink, &writer.0).unwrap();
    assert_eq!(sink.take(), [r#"first{job="x"} 1@7"#, r#"fourth{job="y"} 1@7"#]);
    assert_eq!(received.samples_invalid, 2);
    assert!(received.refusal().unwrap().contains("not valid UTF-8"));
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
        for samples in [&[(1, 1.0), (2, 1.0)][..], &[]] {
            let good = Series {
                labels: &[("__name__", "good")],
                samples: &[(1, 1.0)],
            };
            let sink = SinkDouble::default();
            let received = send(&sink, &encode(&[good, Series { labels, samples }])).unwrap();
            assert_eq!(sink.take(), ["good 1@1"], "{labels:?}");
            assert_eq!(received.samples_invalid, samples.len() as u64);
            let said = received.refusal().unwrap();
            assert!(said.contains(why), "{said}");
        }
    }
}

#[test]
fn too_many_labels_are_a_bad_series() {
    let names: Vec<String> = (0..=MAX_LABELS).map(|i| format!("l{i}")).collect();
    let mut labels: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
    labels.push(("__name__", "x"));
    let sink = SinkDouble::default();
    let samples = &[(1, 1.0)];
    let received = send(
        &sink,
        &encode(&[Series {
            labels: &labels,
            samples,
        }]),
    )
    .unwrap();
    assert!(sink.take().is_empty() && received.invalid.is_some());
}

#[test]
fn a_request_that_breaks_off_stores_nothing() {
    let sink = SinkDouble::default();
    let mut plain = encode(&[Series {
        labels: &[("__name__", "good")],
        samples: &[(1, 1.0)],
    }]);
    plain.extend_from_slice(&[0x0a, 5, 0x0a]);
    let refused = send(&sink, &plain).unwrap_err();
    assert!(
        matches!(refused, ReceiveError::Push(PushError::Malformed { .. })),
        "{refused}"
    );
    // A label whose inside is broken is found only when it is read.
    let mut writer = Writer(encode(&[Series {
        labels: &[("__name__", "good")],
        samples: &[(1, 1.0)],
    }]));
    writer.nested(1, |w| {
        w.bytes(1, &[0x0a, 200]);
        w.nested(2, |w| {
            w.int64(2, 5);
        });
    });
    assert!(send(&sink, &writer.0).is_err());
    assert!(sink.take().is_empty());
}

/// A series with an exemplar, a good histogram of 5 observations of nothing, and one that says 6 but has none.
fn beside(w: &mut Writer, name: &str) {
    w.nested(1, |w| {
        w.text(1, "__name__").text(2, name);
    });
    w.nested(3, |w| {
        w.nested(1, |w| {
            w.text(1, "trace_id").text(2, "t1");
        });
        w.double(2, 1.5).int64(3, 7);
    });
    w.nested(4, |w| {
        w.int64(1, 5).int64(6, 5).int64(15, 9);
    });
    w.nested(4, |w| {
        w.int64(1, 6).int64(15, 10);
    });
}

#[test]
fn exemplars_and_native_histograms_arrive() {
    let mut writer = Writer::default();
    writer.nested(1, |w| beside(w, "h")).nested(1, |w| {
        beside(w, "both");
        w.nested(2, |w| {
            w.double(1, 2.0).int64(2, 8);
        });
    });
    let body = snap::raw::Encoder::new().compress_vec(&writer.0).unwrap();
    let sink = Arc::<SinkDouble>::default();
    let receiver = Receiver::with_exemplars(Arc::clone(&sink) as Arc<dyn ExemplarSink>);
    let received = receiver.receive(&*sink, &body, 1 << 20).unwrap();
    assert_eq!((received.stored, received.samples_invalid), (3, 2));
    assert_eq!((received.exemplars_stored, received.exemplars_skipped), (2, 0));
    let refusal = received.refusal().unwrap();
    assert!(
        refusal.contains("observation count is 6, its buckets hold 0, series h"),
        "{refusal}"
    );
    assert_eq!(sink.take(), ["both 2@8"]);
    let histograms = sink.take_histograms();
    let shown: Vec<String> = histograms
        .iter()
        .map(|(l, at, h)| format!("{l} {}@{at}", h.counts.count()))
        .collect();
    assert_eq!(shown, ["h 5@9", "both 5@9"]);
    let exemplars = sink.take_exemplars();
    let shown: Vec<String> = exemplars
        .iter()
        .map(|row| {
            format!(
                "{} {} {}@{}",
                row.series, row.exemplar.labels, row.exemplar.value, row.exemplar.timestamp_ms
            )
        })
        .collect();
    assert_eq!(
        shown,
        [r#"h {trace_id="t1"} 1.5@7"#, r#"both {trace_id="t1"} 1.5@7"#]
    );
    // Without a sink for them exemplars are stepped over.
    let received = Receiver::default().receive(&*sink, &body, 1 << 20).unwrap();
    assert_eq!((received.exemplars_stored, received.exemplars_skipped), (0, 2));
}

#[test]
fn histograms_of_two_bytes_do_not_unfold_to_gigabytes() {
    let mut writer = Writer::default();
    writer.nested(1, |w| {
        w.nested(1, |w| {
            w.text(1, "__name__").text(2, "h");
        });
        for _ in 0..1_000_000 {
            w.bytes(4, &[]);
        }
    });
    let sink = SinkDouble::default();
    let refused = send(&sink, &writer.0).unwrap_err().to_string();
    assert!(refused.contains("bytes of histograms"), "{refused}");
    assert!(sink.take_histograms().is_empty());
}

#[test]
fn metadata_arrives() {
    let mut writer = Writer::default();
    writer.nested(3, |w| {
        w.int64(1, 1)
            .text(2, "requests_total")
            .text(4, "Requests.")
            .text(5, "requests");
    });
    let sink = SinkDouble::default();
    send(&sink, &writer.0).unwrap();
    let metadata = Metadata {
        metric_type: MetricType::Counter,
        help: "Requests.".to_owned(),
        unit: "requests".to_owned(),
    };
    assert_eq!(sink.take_metadata(), [("requests_total".to_owned(), metadata)]);
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
    let sink = SinkDouble::default();
    let packed = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
    let receiver = Receiver::default();
    mutation::over(&packed, 10_000, |body| {
        drop(receiver.receive(&sink, body, 1 << 16))
    });
    mutation::over(&bytes, 10_000, |plain| drop(send(&sink, plain)));
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
