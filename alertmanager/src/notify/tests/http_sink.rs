//! A web server that writes down what it is asked and answers with a status.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The server; it ends with the runtime.
pub(crate) struct HttpSink {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl HttpSink {
    /// `status` is asked with the number of the request, from 0.
    pub(crate) async fn start(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> HttpSink {
        Self::start_slow(status, Duration::ZERO).await
    }

    /// Answers each request only after `delay`.
    pub(crate) async fn start_slow(
        status: impl Fn(usize) -> u16 + Send + Sync + 'static,
        delay: Duration,
    ) -> HttpSink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (status, seen) = (Arc::new(status), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, seen) = (status.clone(), seen.clone());
                tokio::spawn(async move { serve(stream, &seen, &*status, delay).await });
            }
        });
        HttpSink { url, requests }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().clone()
    }
}

async fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    status: &(dyn Fn(usize) -> u16 + Send + Sync),
    delay: Duration,
) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let status = {
            let mut seen = seen.lock();
            seen.push(request);
            status(seen.len() - 1)
        };
        tokio::time::sleep(delay).await;
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\n\r\nno");
        let empty = format!("HTTP/1.1 {status} Said\r\n\r\n");
        let answer = if status == 204 { empty } else { answer };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut request = Request::default();
    stream
        .read_line(&mut request.line)
        .await
        .ok()
        .filter(|len| *len > 0)?;
    request.line = request.line.trim_end().to_owned();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        request
            .headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let len: usize = request
        .header("content-length")
        .map_or(0, |len| len.parse().unwrap());
    request.body = vec![0; len];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}
