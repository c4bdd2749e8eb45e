use axum::body::Body;
use axum::http::Request;
use durable::{Fs, MemoryFs};
use http_body_util::BodyExt;
use model::metrics::{MetricRow, MetricSink, MetricStore, Sample, SeriesRef};
use model::{Labels, ManualClock};
use serde_json::{Value, json};
use std::path::Path;
use tower::ServiceExt;

use super::*;

/// 2023-11-14T22:13:20Z
const NOW_MS: i64 = 1_700_000_000_000;

struct Server {
    fs: MemoryFs,
    tsdb: Arc<Tsdb>,
    router: Router,
}

/// Two series of ten samples, a second apart.
fn server(enabled: bool) -> Server {
    let fs = MemoryFs::new();
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let options = ::tsdb::Options::default();
    let dir = Path::new("/data/metrics");
    let opened = Tsdb::open(Arc::new(fs.clone()), dir, options, Arc::clone(&clock) as _);
    let (tsdb, _) = opened.expect("opens");
    tsdb.recover().expect("replays");
    for i in 0..10 {
        let row = |job: &str| MetricRow {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "up"), ("job", job)]),
            sample: Sample {
                timestamp_ms: NOW_MS + i * 1000,
                value: 1.0,
            },
        };
        tsdb.append(&mut [row("a"), row("b")]).expect("taken");
    }
    let tsdb = Arc::new(tsdb);
    let router = routes(AdminState {
        tsdb: Arc::clone(&tsdb),
        pool: Pool::new("admin", 1, 4),
        clock,
        enabled,
    });
    Server { fs, tsdb, router }
}

impl Server {
    async fn send(&self, method: &str, uri: &str, form: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/admin/tsdb/{uri}"));
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let body = Body::from(form.unwrap_or_default().to_owned());
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn error(&self, uri: &str) -> (StatusCode, Value) {
        let (status, text) = self.send("POST", uri, None).await;
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    /// The jobs with samples from that second on.
    fn jobs(&self, from_s: i64) -> Vec<String> {
        let snapshot = self
            .tsdb
            .snapshot(NOW_MS + from_s * 1000, i64::MAX)
            .expect("a snapshot");
        let series = snapshot.series(&[]).expect("answers");
        series
            .iter()
            .filter_map(|l| l.get("job").map(str::to_owned))
            .collect()
    }
}

#[tokio::test]
async fn series_are_deleted_by_post_or_put_and_by_form() {
    let server = server(true);
    let uri = "delete_series?match[]=up%7Bjob=%22a%22%7D&start=1700000005&end=2023-11-14T22:14:00Z";
    assert_eq!(
        server.send("POST", uri, None).await,
        (StatusCode::NO_CONTENT, String::new())
    );
    assert_eq!(
        (server.jobs(0), server.jobs(5)),
        (vec!["a".into(), "b".into()], vec!["b".into()])
    );
    let form = Some("match[]=nothing&match[]=%7Bjob%3D%22b%22%7D");
    let done = server.send("PUT", "delete_series", form).await;
    assert_eq!(done, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(server.jobs(0), ["a"]);
    assert_eq!(server.tsdb.tombstones().len(), 2);
    for method in ["POST", "PUT"] {
        let cleaned = server.send(method, "clean_tombstones", None).await;
        assert_eq!(cleaned, (StatusCode::NO_CONTENT, String::new()));
    }
    assert_eq!(server.tsdb.tombstones(), []);
    let samples: u64 = server.tsdb.blocks().iter().map(|b| b.samples).sum();
    assert_eq!((server.jobs(0), samples), (vec!["a".into()], 5));
    let (status, _) = server.send("GET", "delete_series", None).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_snapshot_has_a_name_of_time_and_chance() {
    let server = server(true);
    let mut names = Vec::new();
    for (uri, samples) in [("snapshot", 20), ("snapshot?skip_head=true", 20)] {
        let (status, text) = server.send("POST", uri, None).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let name = answer["data"]["name"].as_str().expect("a name").to_owned();
        assert_eq!(answer, json!({"status": "success", "data": {"name": name}}));
        let (time, chance) = name.split_once('-').expect("two parts");
        assert_eq!(time, "20231114T221320Z");
        assert!(
            chance.len() == 16 && u64::from_str_radix(chance, 16).is_ok(),
            "{name}"
        );
        let path = Path::new("/data/metrics/snapshots").join(&name);
        let fs: Arc<dyn Fs> = Arc::new(server.fs.clone());
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let (copy, _) = Tsdb::open(fs, &path, ::tsdb::Options::default(), clock).expect("opens");
        assert_eq!(copy.blocks().iter().map(|b| b.samples).sum::<u64>(), samples);
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn what_is_wrong_is_told_as_prometheus_does() {
    let allowed = server(true);
    for (uri, error) in [
        ("delete_series", "no match[] parameter provided"),
        (
            "delete_series?match[]=up&start=x",
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
        ("delete_series?match[]=up%7B", "invalid parameter \"match[]\""),
        (
            "delete_series?match[]=%7Ba=%22%22%7D",
            "at least one non-empty matcher",
        ),
        (
            "snapshot?skip_head=maybe",
            "invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
    ] {
        let (status, body) = allowed.error(uri).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{uri}");
        assert_eq!(body["errorType"], "bad_data");
        let text = body["error"].as_str().expect("a text");
        assert!(text.contains(error), "{uri}: {text}");
    }
    assert_eq!(allowed.jobs(0).len(), 2);
    let refused = server(false);
    for uri in ["delete_series?match[]=up", "clean_tombstones", "snapshot"] {
        let (status, body) = refused.error(uri).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
        let expected = json!({"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"});
        assert_eq!(body, expected);
    }
    assert_eq!(refused.jobs(0).len(), 2);
}
