use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LIMIT: u64 = 1000;

/// A target that answers the requests of each connection with the pieces given, then closes it.
struct Target {
    url: Url,
    script: JoinHandle<()>,
}

async fn target(connections: Vec<Vec<Vec<&'static str>>>) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let script = tokio::spawn(async move {
        for answers in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for pieces in answers {
                let mut request = [0; REQUEST.len()];
                stream.read_exact(&mut request).await.unwrap();
                assert_eq!(request, REQUEST);
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    Target {
        url: url.parse().unwrap(),
        script,
    }
}

impl Target {
    async fn ask(&self, connection: &mut Connection) -> Result<String, String> {
        let spare = Spare::default();
        let wait = Duration::from_secs(20);
        let answer = connection.ask(&self.url, REQUEST, LIMIT, wait, &spare).await?;
        let body = answer.bytes.get(answer.start..).unwrap();
        Ok(format!(
            "{} {}",
            answer.head.status,
            std::str::from_utf8(body).unwrap()
        ))
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let first = vec!["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhe", "llo"];
    let second = vec![
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r",
        "\n0\r\n\r\n",
    ];
    let target = target(vec![vec![first, second]]).await;
    let mut connection = Connection::default();
    assert_eq!(target.ask(&mut connection).await.as_deref(), Ok("200 hello"));
    assert_eq!(target.ask(&mut connection).await.as_deref(), Ok("200 yo"));
    assert!(connection.idle.is_some());
    target.script.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_opened_anew() {
    let answer = || vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"];
    // The second connection takes a request and closes without a word.
    let target = target(vec![vec![answer()], vec![answer(), vec![]], vec![answer()]]).await;
    let mut connection = Connection::default();
    for _ in 0..3 {
        assert_eq!(target.ask(&mut connection).await.as_deref(), Ok("200 ok"));
    }
    target.script.await.unwrap();
}

#[tokio::test]
async fn a_body_may_end_with_the_connection() {
    let target = target(vec![vec![vec!["HTTP/1.0 200 OK\r\n\r\n", "all of ", "it"]]]).await;
    let mut connection = Connection::default();
    assert_eq!(target.ask(&mut connection).await.as_deref(), Ok("200 all of it"));
    assert!(connection.idle.is_none());
}

#[tokio::test]
async fn what_breaks_off_or_is_too_large_is_an_error_and_the_connection_is_not_kept() {
    let wrong = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "in the middle",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "in the middle",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            "body size limit exceeded",
        ),
        ("", "without an answer"),
        ("no HTTP at all\r\n\r\n", "malformed"),
    ];
    for (answer, why) in wrong {
        let target = target(vec![vec![vec![answer]]]).await;
        let mut connection = Connection::default();
        let error = target.ask(&mut connection).await.unwrap_err();
        assert!(error.contains(why), "{answer:?}: {error}");
        assert!(connection.idle.is_none());
    }
}

#[tokio::test]
async fn of_a_refusal_only_the_head_is_read() {
    let target = target(vec![vec![vec![
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n",
    ]]])
    .await;
    let mut connection = Connection::default();
    assert!(target.ask(&mut connection).await.unwrap().starts_with("503"));
    assert!(connection.idle.is_none());
}
