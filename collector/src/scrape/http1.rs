//! An answer in HTTP/1.1 as its client reads it: the head, and where the body ends. Functions of bytes; RFC 9112.
//!
//! Decoding chunks moves the payload together within the buffer that it was read into, so a body is copied once from
//! the socket and, if it is chunked, once more.

/// Header fields of an answer; more are refused.
const MAX_FIELDS: usize = 128;
/// Bytes of a head, and of what surrounds chunks.
const MAX_HEAD: usize = 64 << 10;
const MAX_CHUNK_LINE: usize = 4 << 10;

/// What the head of an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// Whether the connection may serve another request.
    pub(super) keep_alive: bool,
    pub(super) content_type: Option<String>,
    /// Lower case; `None` where the body is sent as it is.
    pub(super) encoding: Option<String>,
    /// Whether it says where else to ask.
    pub(super) elsewhere: bool,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// Where the connection does.
    UntilClose,
}

/// The head at the beginning of `bytes` and its length; `None` where more is needed. Interim answers are skipped.
///
/// # Errors
/// This is no HTTP/1.1, or more of it than is taken.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, String> {
    let mut skipped = 0;
    loop {
        let rest = bytes.get(skipped..).unwrap_or_default();
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response
            .parse(rest)
            .map_err(|error| format!("malformed HTTP response: {error}"))?;
        match parsed {
            httparse::Status::Partial if bytes.len() > MAX_HEAD => {
                return Err("malformed HTTP response: its head is too large".to_owned());
            }
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) if matches!(response.code, Some(100..=199)) => {
                skipped += length;
            }
            httparse::Status::Complete(length) => {
                return Ok(Some((understood(&response)?, skipped + length)));
            }
        }
    }
}

fn understood(response: &httparse::Response<'_, '_>) -> Result<Head, String> {
    let status = response.code.unwrap_or(0);
    let mut head = Head {
        status,
        framing: Framing::UntilClose,
        keep_alive: response.version == Some(1),
        content_type: None,
        encoding: None,
        elsewhere: false,
    };
    let (mut length, mut chunked) = (None, false);
    for field in response.headers.iter() {
        let value = std::str::from_utf8(field.value).unwrap_or_default().trim();
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let new: u64 = value
                .parse()
                .map_err(|_| format!("malformed HTTP response: content-length {value:?}"))?;
            if length.is_some_and(|old| old != new) {
                return Err("malformed HTTP response: two lengths".to_owned());
            }
            length = Some(new);
        } else if is("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(format!("transfer encoding {value:?} is not supported"));
            }
            chunked = true;
        } else if is("connection") {
            let says = |word: &str| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(word));
            head.keep_alive = (head.keep_alive || says("keep-alive")) && !says("close");
        } else if is("content-type") {
            head.content_type = Some(value.to_owned());
        } else if is("content-encoding") && !value.eq_ignore_ascii_case("identity") && !value.is_empty() {
            head.encoding = Some(value.to_ascii_lowercase());
        } else if is("location") {
            head.elsewhere = true;
        }
    }
    head.framing = match (chunked, length) {
        _ if matches!(status, 204 | 304) => Framing::Length(0),
        (true, _) => Framing::Chunked,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    };
    Ok(head)
}

/// Decodes a chunked body where it lies.
#[derive(Debug)]
pub(super) struct Chunks {
    expected: Expected,
    /// The end of the payload that is decoded.
    end: usize,
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Size,
    Payload(u64),
    /// The end of the line behind a payload.
    LineEnd,
    Trailer,
}

impl Chunks {
    /// Of a body that begins at `start` of the buffer.
    pub(super) fn new(start: usize) -> Chunks {
        Chunks {
            expected: Expected::Size,
            end: start,
        }
    }

    /// Decodes what has come; what is incomplete stays at the buffer's end. True where the body is complete: the buffer
    /// then ends with it. `excess` counts the bytes that came behind it.
    ///
    /// # Errors
    /// The bytes are no chunks.
    pub(super) fn advance(&mut self, buffer: &mut Vec<u8>, excess: &mut usize) -> Result<bool, String> {
        let mut at = self.end;
        let complete = loop {
            let rest = buffer.get(at..).unwrap_or_default();
            match self.expected {
                Expected::Size => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((length, size))) => {
                        at += length;
                        self.expected = if size == 0 {
                            Expected::Trailer
                        } else {
                            Expected::Payload(size)
                        };
                    }
                    Ok(httparse::Status::Partial) if rest.len() <= MAX_CHUNK_LINE => break false,
                    _ => return Err("malformed HTTP response: invalid chunk size".to_owned()),
                },
                Expected::Payload(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    buffer.copy_within(at..at + here, self.end);
                    at += here;
                    self.end += here;
                    let left = left - here as u64;
                    self.expected = if left == 0 {
                        Expected::LineEnd
                    } else {
                        Expected::Payload(left)
                    };
                    if left > 0 {
                        break false;
                    }
                }
                Expected::LineEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        at += 2;
                        self.expected = Expected::Size;
                    }
                    [] | [b'\r'] => break false,
                    _ => return Err("malformed HTTP response: a chunk does not end".to_owned()),
                },
                Expected::Trailer => match memchr::memchr(b'\n', rest) {
                    Some(length) => {
                        at += length + 1;
                        if matches!(rest.get(..length), Some([] | [b'\r'])) {
                            break true;
                        }
                    }
                    None if rest.len() <= MAX_CHUNK_LINE => break false,
                    None => return Err("malformed HTTP response: invalid trailer".to_owned()),
                },
            }
        };
        if complete {
            *excess = buffer.len() - at;
            buffer.truncate(self.end);
        } else {
            buffer.drain(self.end..at);
        }
        Ok(complete)
    }
}

#[cfg(test)]
mod tests;
