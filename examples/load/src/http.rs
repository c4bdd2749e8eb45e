//! A connection that posts remote write requests: a load generator should not spend its time in an HTTP client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How often a request is sent before the push gives up.
const ATTEMPTS: u32 = 100;

/// A kept-alive connection to one server.
pub(crate) struct Connection {
    address: String,
    stream: Option<BufReader<TcpStream>>,
    encoder: snap::raw::Encoder,
}

impl Connection {
    /// Connects when the first request is sent.
    pub(crate) fn new(address: &str) -> Connection {
        Connection {
            address: address.to_owned(),
            stream: None,
            encoder: snap::raw::Encoder::new(),
        }
    }

    /// Sends one request until the server takes it; gives how often it was refused before.
    pub(crate) fn post(&mut self, request: &[u8]) -> Result<usize, Failure> {
        let body = self.encoder.compress_vec(request)?;
        let mut refused = 0;
        for attempt in 0..ATTEMPTS {
            match self.exchange(&body) {
                Ok((200..=299, _)) => return Ok(refused),
                Ok((429 | 500..=599, _)) => refused += 1,
                Ok((status, text)) => return Err(format!("status {status}: {text}").into()),
                Err(error) if attempt + 1 == ATTEMPTS => return Err(error),
                Err(_) => self.stream = None,
            }
            std::thread::sleep(Duration::from_millis(20 * u64::from(attempt + 1).min(50)));
        }
        Err(format!("refused {refused} times").into())
    }

    fn exchange(&mut self, body: &[u8]) -> Result<(u16, String), Failure> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let stream = self.stream.insert(stream);
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body)?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let status: u16 = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut text = vec![0; length];
        stream.read_exact(&mut text)?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}
