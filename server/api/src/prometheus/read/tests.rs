use axum::http::Request;
use collector::push::wire::Message;
use http_body_util::BodyExt;
use model::metrics::{MetricRow, MetricSink, Sample, Samples, SeriesRef};
use promql::memory::MemoryStore;
use tower::ServiceExt;
use tsdb::import::prometheus::{Encoding, decode_chunk};

use super::super::tests::state_of;
use super::*;

const BEGIN_MS: i64 = 1_700_000_000_000;

/// Two series of 1,000 samples, on a server of `site="home"`.
fn state() -> PrometheusState {
    let store = MemoryStore::default();
    for i in 0..1000 {
        for instance in ["b", "a"] {
            let row = MetricRow {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", "up"), ("instance", instance)]),
                sample: Sample {
                    timestamp_ms: BEGIN_MS + i * 15_000,
                    value: i as f64,
                },
            };
            store.append(&mut [row]).expect("stored");
        }
    }
    let state = state_of(store);
    *state.external_labels.write() = Labels::from_pairs([("site", "home"), ("instance", "none")]);
    state
}

/// A request for `up` between two samples, by one more matcher.
fn request(kinds: &[u8], (name, value): (&str, &str), last: i64) -> Vec<u8> {
    let mut query = Vec::new();
    wire::int64(&mut query, 1, BEGIN_MS);
    wire::int64(&mut query, 2, BEGIN_MS + last * 15_000);
    for (name, value) in [("__name__", "up"), (name, value)] {
        wire::message(&mut query, 3, &mut Vec::new(), |out| {
            wire::bytes(out, 2, name.as_bytes());
            wire::bytes(out, 3, value.as_bytes());
        });
    }
    let mut request = Vec::new();
    wire::bytes(&mut request, 1, &query);
    if !kinds.is_empty() {
        wire::bytes(&mut request, 2, kinds);
    }
    request
}

async fn ask(state: PrometheusState, request: &[u8]) -> (StatusCode, Vec<u8>) {
    let body = snap::raw::Encoder::new()
        .compress_vec(request)
        .expect("compressed");
    let request = Request::post("/api/v1/read")
        .body(Body::from(body))
        .expect("a request");
    let response = super::super::routes(state)
        .oneshot(request)
        .await
        .expect("infallible");
    let status = response.status();
    (
        status,
        response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes()
            .to_vec(),
    )
}

/// Labels as text and the samples of each series of `ChunkedReadResponse`s.
fn streamed(mut body: &[u8]) -> Vec<(String, Samples)> {
    let mut found: Vec<(String, Samples)> = Vec::new();
    while !body.is_empty() {
        let (mut len, mut shift) = (0usize, 0);
        loop {
            let (byte, rest) = body.split_first().expect("a length");
            body = rest;
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        let (crc, rest) = body.split_first_chunk::<4>().expect("a checksum");
        let (payload, rest) = rest.split_at(len);
        assert_eq!(u32::from_be_bytes(*crc), crc32c::crc32c(payload));
        body = rest;
        for field in Message::new(payload)
            .map(|f| f.expect("a field"))
            .filter(|f| f.number == 1)
        {
            let (mut name, mut samples) = (String::new(), Samples::default());
            for part in field.message().expect("a series").map(|f| f.expect("a field")) {
                let message = part.message().expect("a message");
                match part.number {
                    1 => name += &format!("{} ", texts(message).join("=")),
                    _ => {
                        let fields: Vec<_> = message.map(|f| f.expect("a field")).collect();
                        let number = |n| fields.iter().find(|f| f.number == n).expect("there");
                        let encoding = u8::try_from(number(3).int64().expect("a number")).expect("small");
                        let encoding = Encoding::from_u8(encoding).expect("known");
                        let before = samples.len();
                        decode_chunk(encoding, number(4).bytes().expect("bytes"), &mut samples)
                            .expect("a chunk");
                        assert_eq!(number(1).int64().ok(), samples.timestamps.get(before).copied());
                        assert_eq!(number(2).int64().ok(), samples.timestamps.last().copied());
                    }
                }
            }
            match found.last_mut() {
                Some((last, all)) if *last == name => {
                    all.timestamps.extend(samples.timestamps);
                    all.values.extend(samples.values);
                }
                _ => found.push((name, samples)),
            }
        }
    }
    found
}

fn texts(message: Message<'_>) -> Vec<String> {
    message
        .map(|f| f.expect("a field").text().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn chunks_come_in_frames_series_by_series() {
    let mut state = state();
    state.read.frame_bytes = 600;
    let (status, body) = ask(state, &request(&[1, 0], ("site", "home"), 499)).await;
    assert_eq!(status, StatusCode::OK);
    let found = streamed(&body);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "__name__=up instance=a site=home ",
            "__name__=up instance=b site=home "
        ]
    );
    for (_, samples) in &found {
        assert_eq!(samples.len(), 500);
        assert!(samples.iter().enumerate().all(|(i, s)| s.value == i as f64));
    }
}

#[tokio::test]
async fn clients_of_old_get_samples() {
    let (status, body) = ask(state(), &request(&[], ("instance", "b"), 2)).await;
    assert_eq!(status, StatusCode::OK);
    let body = snap::raw::Decoder::new().decompress_vec(&body).expect("a block");
    let mut samples = Vec::new();
    for result in Message::new(&body).map(|f| f.expect("a field")) {
        for series in result.message().expect("a result").map(|f| f.expect("a field")) {
            for part in series.message().expect("a series").map(|f| f.expect("a field")) {
                if part.number == 2 {
                    let fields: Vec<_> = part
                        .message()
                        .expect("a sample")
                        .map(|f| f.expect("a field"))
                        .collect();
                    let value = fields
                        .iter()
                        .find(|f| f.number == 1)
                        .map_or(0.0, |f| f.double().expect("a float"));
                    let ms = fields
                        .iter()
                        .find(|f| f.number == 2)
                        .map_or(0, |f| f.int64().expect("a number"));
                    samples.push((ms, value));
                }
            }
        }
    }
    assert_eq!(
        samples,
        [
            (BEGIN_MS, 0.0),
            (BEGIN_MS + 15_000, 1.0),
            (BEGIN_MS + 30_000, 2.0)
        ]
    );
}

#[tokio::test]
async fn too_many_samples_and_nonsense_are_refused() {
    let mut state = state();
    state.read.sample_limit = 1500;
    let (status, body) = ask(state.clone(), &request(&[0], ("site", "home"), 999)).await;
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(
        (status, text.trim()),
        (StatusCode::BAD_REQUEST, "exceeded sample limit (1500)")
    );
    // The bound is one of memory, of which a stream takes little.
    let (status, _) = ask(state.clone(), &request(&[1], ("site", "home"), 999)).await;
    assert_eq!(status, StatusCode::OK);
    for wrong in [
        request(&[7], ("site", "home"), 1),
        vec![0xff; 10],
        vec![0x0a, 200],
    ] {
        let (status, _) = ask(state.clone(), &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    let (status, body) = ask(state, &request(&[1], ("instance", "nobody"), 1)).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
}

/// What is written here is what remote write reads: the messages are the same.
#[test]
fn histograms_are_written_as_remote_write_reads_them() {
    use model::Histogram;
    use model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Counts, Span};
    let spans = vec![
        Span {
            offset: -3,
            length: 2,
        },
        Span { offset: 4, length: 1 },
    ];
    let whole = Histogram {
        schema: 2,
        reset_hint: CounterResetHint::Gauge,
        zero_threshold: 1e-128,
        sum: -7.25,
        positive_spans: spans.clone(),
        negative_spans: spans[..1].to_vec(),
        custom_values: vec![],
        counts: Counts::Integer(Buckets {
            count: 21,
            zero_count: 1,
            positive: vec![9, 2, 5],
            negative: vec![1, 3],
        }),
    };
    let float = Histogram {
        counts: Counts::Float(Buckets {
            count: 21.5,
            zero_count: 0.0,
            positive: vec![9.5, 2.0, 5.0],
            negative: vec![1.0, 4.0],
        }),
        ..whole.clone()
    };
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        reset_hint: CounterResetHint::Unknown,
        zero_threshold: 0.0,
        positive_spans: vec![Span { offset: 0, length: 3 }],
        negative_spans: vec![],
        custom_values: vec![0.5, 1.0],
        counts: Counts::Integer(Buckets {
            count: 16,
            zero_count: 0,
            positive: vec![9, 2, 5],
            negative: vec![],
        }),
        ..whole.clone()
    };
    for histogram in [whole, float, custom] {
        let (mut request, mut series) = (Vec::new(), Vec::new());
        wire::labels(&mut series, &Labels::from_pairs([("__name__", "h")]));
        wire::message(&mut series, 4, &mut Vec::new(), |out| {
            wire::histogram(out, BEGIN_MS, &histogram)
        });
        wire::bytes(&mut request, 1, &series);
        let body = snap::raw::Encoder::new()
            .compress_vec(&request)
            .expect("compressed");
        let store = MemoryStore::default();
        let receiver = collector::push::remote_write::Receiver::default();
        receiver.receive(&store, &body, 1 << 20).expect("taken");
        let state = state_of(store);
        let source = Source {
            state,
            external: Labels::empty(),
        };
        let query = Query {
            start_ms: BEGIN_MS,
            end_ms: BEGIN_MS,
            matchers: vec![Matcher::new("__name__", MatchOp::Equal, "h").expect("a matcher")],
        };
        let selected = source.select(&query).expect("selected");
        let mut samples = Samples::default();
        selected.series.reader(0..1).next(&mut samples).expect("read");
        assert_eq!(samples.histograms.len(), 1);
        assert_eq!(*samples.histograms[0].1, histogram);
    }
}
