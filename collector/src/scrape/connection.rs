//! The connection to one target over plain HTTP/1.1, kept from one scrape to the next.
//!
//! A scrape is one write and, where the page has arrived, few reads straight into the buffer that is parsed. Between
//! scrapes a connection holds its socket and nothing else: the buffer belongs to whoever is scraped just now.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use super::http1::{self, Chunks, Framing, Head};
use super::spare::Spare;

/// A connection that rested longer is not used again: something on the way may have forgotten it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// What is read at least at once, and how much of a large body there is room for before it comes.
const MIN_READ: usize = 16 << 10;
const MAX_READ: usize = 1 << 20;

/// An answer: its body is `bytes[start..]`, encoded as the head says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

/// To one target, open or not.
#[derive(Debug, Default)]
pub(super) struct Connection {
    idle: Option<Idle>,
    /// Bytes of the last answer: a guess at the next one.
    last_bytes: usize,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
    address: (String, u16),
}

/// Why there is no answer.
enum Failure {
    /// The other side closed before it said a word: it may have been about to as the request was on its way.
    Unanswered(String),
    Other(String),
}

impl Connection {
    /// Sends `request` to the host of `url` and reads what comes back, over the open connection if there is one. Of an
    /// answer other than 200 only the head is read. Not cancelled halfway: a connection whose future is dropped is closed.
    ///
    /// # Errors
    /// No connection, no HTTP, or a body of more than `limit` bytes.
    pub(super) async fn ask(
        &mut self,
        url: &Url,
        request: &[u8],
        limit: u64,
        timeout: Duration,
        spare: &Spare<Vec<u8>>,
    ) -> Result<Answer, String> {
        let address = (
            url.host_str().unwrap_or_default().to_owned(),
            url.port_or_known_default().unwrap_or(80),
        );
        let room = self.last_bytes.saturating_add(1024).clamp(MIN_READ, MAX_READ);
        if let Some(stream) = self.reusable(&address) {
            match self.exchange(stream, &address, request, limit, room, spare).await {
                Err(Failure::Unanswered(_)) => {}
                Err(Failure::Other(why)) => return Err(why),
                Ok(answer) => return Ok(answer),
            }
        }
        let stream = connect(url, &address, timeout).await?;
        let answer = self.exchange(stream, &address, request, limit, room, spare).await;
        answer.map_err(|(Failure::Unanswered(why) | Failure::Other(why))| why)
    }

    fn reusable(&mut self, address: &(String, u16)) -> Option<TcpStream> {
        let idle = self.idle.take()?;
        let fresh = idle.since.elapsed() < IDLE_TIMEOUT && idle.address == *address;
        // Nothing may have come since the last answer, the end of the connection included.
        let silent =
            || matches!(idle.stream.try_read(&mut [0]), Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        (fresh && silent()).then_some(idle.stream)
    }

    async fn exchange(
        &mut self,
        mut stream: TcpStream,
        address: &(String, u16),
        request: &[u8],
        limit: u64,
        room: usize,
        spare: &Spare<Vec<u8>>,
    ) -> Result<Answer, Failure> {
        let unanswered = |e: io::Error| Failure::Unanswered(format!("no answer: {e}"));
        stream.write_all(request).await.map_err(unanswered)?;
        // A target that takes its time holds no buffer meanwhile.
        stream.readable().await.map_err(unanswered)?;
        let mut reading = Reading {
            stream: &mut stream,
            bytes: spare.take(),
            excess: 0,
        };
        reading.bytes.reserve(room);
        let done = reading.answer(limit).await;
        let (bytes, excess) = (reading.bytes, reading.excess);
        let (head, start) = match done {
            Ok(done) => done,
            Err(failure) => {
                spare.give_buffer(bytes);
                return Err(failure);
            }
        };
        self.last_bytes = bytes.len();
        if head.status == 200 && head.keep_alive && head.framing != Framing::UntilClose && excess == 0 {
            self.idle = Some(Idle {
                stream,
                since: Instant::now(),
                address: address.clone(),
            });
        }
        Ok(Answer { head, bytes, start })
    }
}

/// An answer on its way in.
struct Reading<'a> {
    stream: &'a mut TcpStream,
    bytes: Vec<u8>,
    /// Bytes that came behind the answer.
    excess: usize,
}

impl Reading<'_> {
    /// The head, and where the body begins.
    async fn answer(&mut self, limit: u64) -> Result<(Head, usize), Failure> {
        let (head, start) = loop {
            match self.more(MIN_READ).await {
                Ok(0) if self.bytes.is_empty() => {
                    return Err(Failure::Unanswered(
                        "the connection was closed without an answer".to_owned(),
                    ));
                }
                Err(error) if self.bytes.is_empty() => return Err(Failure::Unanswered(error.to_string())),
                Ok(0) => return Err(cut_off()),
                Err(error) => return Err(Failure::Other(error.to_string())),
                Ok(_) => {}
            }
            if let Some(found) = http1::head(&self.bytes).map_err(Failure::Other)? {
                break found;
            }
        };
        if head.status == 200 {
            self.body(head.framing, start, limit).await?;
        }
        Ok((head, start))
    }

    async fn body(&mut self, framing: Framing, start: usize, limit: u64) -> Result<(), Failure> {
        let too_large = || Failure::Other(super::fetch::too_large(limit));
        let mut chunks = Chunks::new(start);
        loop {
            let have = (self.bytes.len() - start) as u64;
            let wanted = match framing {
                Framing::Length(length) if length > limit => return Err(too_large()),
                Framing::Length(length) if have >= length => {
                    self.excess = usize::try_from(have - length).unwrap_or(usize::MAX);
                    self.bytes.truncate(self.bytes.len() - self.excess);
                    return Ok(());
                }
                Framing::Length(length) => usize::try_from(length - have).unwrap_or(MAX_READ).min(MAX_READ),
                Framing::Chunked => {
                    let done = chunks.advance(&mut self.bytes, &mut self.excess);
                    if done.map_err(Failure::Other)? {
                        return if (self.bytes.len() - start) as u64 > limit {
                            Err(too_large())
                        } else {
                            Ok(())
                        };
                    }
                    MIN_READ
                }
                Framing::UntilClose => MIN_READ,
            };
            if (self.bytes.len() - start) as u64 > limit {
                return Err(too_large());
            }
            match self
                .more(wanted)
                .await
                .map_err(|e| Failure::Other(e.to_string()))?
            {
                0 if framing == Framing::UntilClose => return Ok(()),
                0 => return Err(cut_off()),
                _ => {}
            }
        }
    }

    /// Reads what is there, with room for `wanted` bytes at least.
    async fn more(&mut self, wanted: usize) -> io::Result<usize> {
        if self.bytes.capacity() - self.bytes.len() < wanted {
            self.bytes.reserve(wanted);
        }
        self.stream.read_buf(&mut self.bytes).await
    }
}

fn cut_off() -> Failure {
    Failure::Other("the connection was closed in the middle of the answer".to_owned())
}

/// Tries the host's addresses in turn, each for its share of the time.
async fn connect(url: &Url, address: &(String, u16), timeout: Duration) -> Result<TcpStream, String> {
    let (host, port) = address;
    let explain = |error: io::Error| format!("cannot connect to {host}:{port}: {error}");
    let addresses: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![(ip, *port).into()],
        Some(Host::Ipv6(ip)) => vec![(ip, *port).into()],
        Some(Host::Domain(name)) => {
            let found = tokio::net::lookup_host((name, *port)).await;
            found
                .map_err(|e| format!("cannot resolve {name}: {e}"))?
                .collect()
        }
        None => Vec::new(),
    };
    let share = timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // The request is one write; where this fails it is only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(explain(last))
}

#[cfg(test)]
mod tests;
