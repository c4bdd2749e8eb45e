use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// The address of a door, its tasks and what ends it.
async fn opened(
    router: Router,
    first_request_timeout: Duration,
) -> (SocketAddr, TaskTracker, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    open(listener, router, first_request_timeout, &tasks, &stop);
    tasks.close();
    (address, tasks, stop)
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("it listens")
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed() {
    let (address, _tasks, _stop) = opened(hello(), Duration::from_millis(300)).await;
    let mut silent = connect(address).await;
    let mut slow = connect(address).await;
    // Could become either version of HTTP.
    slow.write_all(b"P").await.expect("it is open");
    let mut kept = connect(address).await;
    kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it is open");
    let mut answer = vec![0; 12];
    kept.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200");
    for connection in [&mut silent, &mut slow] {
        assert!(matches!(connection.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    }
    // One that has asked may ask again.
    kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .expect("it is open");
    let mut rest = String::new();
    kept.read_to_string(&mut rest).await.expect("text");
    assert_eq!(rest.matches("hello").count(), 2, "{rest}");
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_ends_what_idles() {
    let (begun, mut began) = tokio::sync::mpsc::channel::<()>(1);
    let release = CancellationToken::new();
    let slow = {
        let release = release.clone();
        move || async move {
            let _ = begun.send(()).await;
            release.cancelled().await;
            "done"
        }
    };
    let (address, tasks, stop) = opened(hello().route("/slow", get(slow)), FIRST_REQUEST_TIMEOUT).await;
    let _idle = connect(address).await;
    let mut asking = connect(address).await;
    asking
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it is open");
    began.recv().await.expect("the request arrives");
    stop.cancel();
    release.cancel();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("done"), "{answer}");
    tasks.wait().await;
}
