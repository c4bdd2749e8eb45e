//! A kept-alive HTTP/1.1 connection over plain TCP: a loopback peer needs no more, and an HTTP client's build takes
//! longer than the rest of this program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Failure;

/// An answer may be this large.
const MAX_BODY_BYTES: usize = 256 << 20;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to one server.
pub(crate) struct Connection {
    /// host:port
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// Connects when the first request is sent. `url` is `http://host:port`, or only `host:port`.
    pub(crate) fn new(url: &str) -> Connection {
        let address = url.strip_prefix("http://").unwrap_or(url);
        Connection {
            address: address.trim_end_matches('/').to_owned(),
            stream: None,
        }
    }

    /// Status and body of the answer to a GET.
    pub(crate) fn get(&mut self, path: &str) -> Result<(u16, Vec<u8>), Failure> {
        self.send("GET", path, "", &[])
    }

    /// Status and body of the answer to a POST with these headers, each ended by CRLF.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Result<(u16, Vec<u8>), Failure> {
        self.send("POST", path, headers, body)
    }

    /// Status and body of the answer to a form.
    pub(crate) fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<(u16, Vec<u8>), Failure> {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", path, headers, pairs.join("&").as_bytes())
    }

    /// A server may close an idle connection at any time, so what fails on an old one is tried once on a new one.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Failure> {
        let old = self.stream.is_some();
        match self.exchange(method, path, headers, body) {
            Err(_) if old => self.exchange(method, path, headers, body),
            answer => answer,
        }
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                BufReader::new(stream)
            }
        };
        let (host, length) = (&self.address, body.len());
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n");
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().write_all(body)?;
        let answer = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

/// Percent-encodes all but what never needs it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn read_answer(stream: &mut impl BufRead) -> Result<(u16, Vec<u8>), Failure> {
    let status: u16 = read_line(stream)?.split(' ').nth(1).ok_or("no status")?.parse()?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = read_line(stream)?.to_ascii_lowercase();
        match line.split_once(':') {
            None if line.is_empty() => break,
            None => return Err(format!("not a header: {line}").into()),
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        read_piece(stream, length, &mut body)?;
        return Ok((status, body));
    }
    loop {
        let size = usize::from_str_radix(&read_line(stream)?, 16)?;
        read_piece(stream, size, &mut body)?;
        read_line(stream)?;
        if size == 0 {
            return Ok((status, body));
        }
    }
}

fn read_line(stream: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err("the server closed the connection".into());
    }
    Ok(line.trim_end().to_owned())
}

fn read_piece(stream: &mut impl Read, size: usize, body: &mut Vec<u8>) -> Result<(), Failure> {
    let before = body.len();
    if before.saturating_add(size) > MAX_BODY_BYTES {
        return Err("the answer is too large".into());
    }
    body.resize(before + size, 0);
    stream.read_exact(&mut body[before..])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_whole_or_in_chunks() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(read_answer(&mut &whole[..]).unwrap(), (200, b"abc".to_vec()));
        let chunked = b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(read_answer(&mut &chunked[..]).unwrap(), (400, b"abc".to_vec()));
        assert!(read_answer(&mut &whole[..30]).is_err());
    }

    #[test]
    fn form_fields_are_escaped() {
        assert_eq!(escape("a{b=\"é\"}+1"), "a%7Bb%3D%22%C3%A9%22%7D%2B1");
    }
}
