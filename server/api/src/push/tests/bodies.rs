//! Bounds on bodies under way.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header;
use futures_util::stream;
use tokio::sync::mpsc;

use super::*;

/// A body that comes in the pieces that are sent.
fn dripping() -> (mpsc::Sender<Bytes>, Body) {
    let (send, mut pieces) = mpsc::channel(1);
    let pieces = stream::poll_fn(move |cx| pieces.poll_recv(cx).map(|piece| piece.map(Ok::<_, Infallible>)));
    (send, Body::from_stream(pieces))
}

const PUSH: &str = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","line"]]}]}"#;

#[tokio::test]
async fn bodies_under_way_are_bounded_together_and_make_room_when_they_are_done() {
    let kept = Arc::<Kept>::default();
    let mut state = state(&kept);
    state.bodies = Bodies::new(100, BODY_TIMEOUT);
    let router = routes(state);
    let (send, body) = dripping();
    let slow = tokio::spawn(post(router.clone(), "/loki/api/v1/push", JSON, body));
    let (half, rest) = PUSH.split_at(PUSH.len() / 2);
    send.send(Bytes::from_static(half.as_bytes()))
        .await
        .expect("somebody reads");
    // There is room in the channel again when the half has been read.
    drop(send.reserve().await.expect("somebody reads"));
    let padded = format!("{PUSH}{}", " ".repeat(100 - PUSH.len()));
    let (status, answer) = post(router.clone(), "/loki/api/v1/push", JSON, padded.clone()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(answer.contains("under way"), "{answer}");
    send.send(Bytes::from_static(rest.as_bytes()))
        .await
        .expect("somebody reads");
    drop(send);
    assert_eq!(slow.await.expect("no panic").0, StatusCode::NO_CONTENT);
    let (status, answer) = post(router, "/loki/api/v1/push", JSON, padded).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let kept = Arc::<Kept>::default();
    let mut state = state(&kept);
    state.bodies = Bodies::new(100, Duration::from_millis(20));
    let (send, body) = dripping();
    let request = Request::post("/v1/traces")
        .header("content-type", JSON)
        .body(body)
        .expect("a request");
    let response = otlp_routes(state).oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    drop(send);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let kept = Arc::<Kept>::default();
    let (_never_sent, body) = dripping();
    let request = Request::post("/api/v2/spans")
        .header("content-length", "10001")
        .body(body);
    let response = routes(state(&kept))
        .oneshot(request.expect("a request"))
        .await
        .expect("infallible");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_called_too_large() {
    let kept = Arc::<Kept>::default();
    let pieces = stream::iter([Ok(Bytes::from_static(b"[")), Err(std::io::Error::other("gone"))]);
    let (status, answer) = post(
        routes(state(&kept)),
        "/api/v2/spans",
        JSON,
        Body::from_stream(pieces),
    )
    .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
}
