//! Prometheus' remote read, from the asking side.
//!
//! Streamed chunks are asked for (`STREAMED_XOR_CHUNKS`), which take little memory on both sides; whoever does not know
//! them answers with samples (`SAMPLES`), one message for all. Protocol:
//! <https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>.

use collector::push::wire::{Message, Value, WireError};
use model::metrics::Samples;
use model::{Labels, LabelsBuilder, MatchOp, Matcher, StoreError};
use tsdb::import::prometheus::{Encoding, decode_chunk};

use super::text::Sink;

/// A frame of a stream, or an answer before decompression, that is longer than this is refused.
const MAX_FRAME_BYTES: usize = 64 << 20;
const MAX_ANSWER_BYTES: usize = 1 << 30;

/// Of what cannot be read so much is shown.
const MAX_TOLD_BYTES: usize = 200;

const STREAMED: &str = "application/x-streamed-protobuf";

/// A server that is asked.
pub(super) struct RemoteRead {
    client: reqwest::Client,
    url: reqwest::Url,
    headers: Vec<(String, String)>,
}

/// What an answer held.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Answered {
    /// Samples handed over.
    pub(super) samples: u64,
    /// Native histograms that came in a form that is not read: a server that streams sends them.
    pub(super) histograms_left: u64,
}

impl RemoteRead {
    /// A client for `url`; `headers` are `Name: value`.
    ///
    /// # Errors
    /// The address or a header is none.
    pub(super) fn new(url: &str, headers: &[String]) -> Result<RemoteRead, String> {
        let parse = |header: &String| {
            let (name, value) = header.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let headers: Option<Vec<_>> = headers.iter().map(parse).collect();
        Ok(RemoteRead {
            client: reqwest::Client::builder().build().map_err(|e| e.to_string())?,
            url: reqwest::Url::parse(url).map_err(|e| format!("{url}: {e}"))?,
            headers: headers.ok_or("--header must be \"Name: value\"")?,
        })
    }

    /// Hands all samples between two times (inclusive) to `sink`.
    ///
    /// # Errors
    /// The server does not answer, answers something else, or the sink says so.
    pub(super) async fn read(
        &self,
        matchers: &[Matcher],
        min_ms: i64,
        max_ms: i64,
        sink: Sink<'_>,
    ) -> Result<Answered, String> {
        let body = snap::raw::Encoder::new()
            .compress_vec(&query(matchers, min_ms, max_ms))
            .map_err(|e| e.to_string())?;
        let mut request = self.client.post(self.url.clone()).body(body);
        request = request
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Read-Version", "0.1.0");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|e| chain(&e))?;
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.unwrap_or_default();
            return Err(format!("{}: {status}: {}", self.url, text.trim()));
        }
        let kind = response
            .headers()
            .get("Content-Type")
            .and_then(|v| v.to_str().ok());
        let mut answer = Answer {
            streamed: kind.is_some_and(|kind| kind.starts_with(STREAMED)),
            ..Answer::default()
        };
        while let Some(bytes) = response.chunk().await.map_err(|e| chain(&e))? {
            answer.take(&bytes, sink)?;
        }
        answer.end(sink)
    }
}

/// An error with those it comes from: reqwest's own text says only what was tried.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// `prometheus.ReadRequest` with one query.
fn query(matchers: &[Matcher], min_ms: i64, max_ms: i64) -> Vec<u8> {
    let mut query = Vec::new();
    put_number(&mut query, 1, min_ms);
    put_number(&mut query, 2, max_ms);
    for matcher in matchers {
        let mut out = Vec::new();
        put_number(
            &mut out,
            1,
            match matcher.op {
                MatchOp::Equal => 0,
                MatchOp::NotEqual => 1,
                MatchOp::Regex => 2,
                MatchOp::NotRegex => 3,
            },
        );
        put_bytes(&mut out, 2, matcher.name.as_bytes());
        put_bytes(&mut out, 3, matcher.value.as_bytes());
        put_bytes(&mut query, 3, &out);
    }
    let mut request = Vec::new();
    put_bytes(&mut request, 1, &query);
    // The kinds of answers that are read, the best first: streamed chunks, samples.
    put_bytes(&mut request, 2, &[1, 0]);
    request
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_number(out: &mut Vec<u8>, field: u8, value: i64) {
    out.push(field << 3);
    put_varint(out, value.cast_unsigned());
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// An answer as it arrives.
#[derive(Default)]
struct Answer {
    streamed: bool,
    /// What has come and is not read yet.
    buffer: Vec<u8>,
    /// The series at hand; its chunks may come in several frames.
    labels: Option<Labels>,
    samples: Samples,
    answered: Answered,
}

impl Answer {
    fn take(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), String> {
        self.buffer.extend_from_slice(bytes);
        if !self.streamed {
            return match self.buffer.len() <= MAX_ANSWER_BYTES {
                true => Ok(()),
                false => Err("the answer is too long: ask for less time at once".to_owned()),
            };
        }
        let mut used = 0;
        while let Some((head, len)) = frame(self.buffer.get(used..).unwrap_or(&[]))? {
            let start = used + head;
            let Some(payload) = self.buffer.get(start..start + len) else {
                break;
            };
            let crc = self.buffer.get(start - 4..start).and_then(|b| b.try_into().ok());
            if crc.map(u32::from_be_bytes) != Some(crc32c::crc32c(payload)) {
                return Err("checksum of a frame of the stream".to_owned());
            }
            let payload = payload.to_vec();
            used = start + len;
            self.frame(&payload, sink)?;
        }
        self.buffer.drain(..used);
        Ok(())
    }

    /// `prometheus.ChunkedReadResponse`
    fn frame(&mut self, payload: &[u8], sink: Sink<'_>) -> Result<(), String> {
        for field in Message::new(payload) {
            let field = field.map_err(|e| e.to_string())?;
            if field.number == 1 {
                self.chunked_series(field.message().map_err(|e| e.to_string())?, sink)?;
            }
        }
        Ok(())
    }

    fn chunked_series(&mut self, message: Message<'_>, sink: Sink<'_>) -> Result<(), String> {
        let labels = labels(message.clone()).map_err(|e| e.to_string())?;
        if self.labels.as_ref() != Some(&labels) {
            self.give(sink)?;
            self.labels = Some(labels);
        }
        for field in message {
            let field = field.map_err(|e| e.to_string())?;
            if field.number == 2 {
                self.chunk(field.message().map_err(|e| e.to_string())?)?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, message: Message<'_>) -> Result<(), String> {
        let (mut encoding, mut data) = (0, &[][..]);
        for field in message {
            let field = field.map_err(|e| e.to_string())?;
            match field.number {
                3 => encoding = field.int64().map_err(|e| e.to_string())?,
                4 => data = field.bytes().map_err(|e| e.to_string())?,
                _ => {}
            }
        }
        let encoding = Encoding::from_u8(u8::try_from(encoding).unwrap_or(u8::MAX))?;
        decode_chunk(encoding, data, &mut self.samples).map_err(|e| format!("a {encoding:?} chunk {e}"))
    }

    fn give(&mut self, sink: Sink<'_>) -> Result<(), String> {
        if let Some(labels) = self.labels.take().filter(|_| !self.samples.is_empty()) {
            self.answered.samples += self.samples.len() as u64;
            sink(&labels, &self.samples).map_err(|e: StoreError| e.to_string())?;
        }
        self.samples.clear();
        Ok(())
    }

    fn end(mut self, sink: Sink<'_>) -> Result<Answered, String> {
        if self.streamed {
            if !self.buffer.is_empty() {
                // A server that fails on the way has nowhere to say so but here.
                let rest = String::from_utf8_lossy(self.buffer.get(..MAX_TOLD_BYTES).unwrap_or(&self.buffer));
                return Err(format!("the stream ends within a frame: {:?}", rest.trim()));
            }
            self.give(sink)?;
            return Ok(self.answered);
        }
        let len = snap::raw::decompress_len(&self.buffer).map_err(|e| e.to_string())?;
        // One copy of 64 bytes takes three: more than this cannot come of so few bytes.
        if len > MAX_ANSWER_BYTES.min(self.buffer.len().saturating_mul(64)) {
            return Err("the answer is too long: ask for less time at once".to_owned());
        }
        let bytes = snap::raw::Decoder::new()
            .decompress_vec(&self.buffer)
            .map_err(|e| e.to_string())?;
        self.results(&bytes, sink)?;
        Ok(self.answered)
    }

    /// `prometheus.ReadResponse`
    fn results(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), String> {
        for result in Message::new(bytes) {
            let result = result.map_err(|e| e.to_string())?;
            if result.number != 1 {
                continue;
            }
            for series in result.message().map_err(|e| e.to_string())? {
                let series = series.map_err(|e| e.to_string())?;
                if series.number == 1 {
                    let message = series.message().map_err(|e| e.to_string())?;
                    self.series(message).map_err(|e| e.to_string())?;
                    self.give(sink)?;
                }
            }
        }
        Ok(())
    }

    /// `prometheus.TimeSeries`
    fn series(&mut self, message: Message<'_>) -> Result<(), WireError> {
        self.labels = Some(labels(message.clone())?);
        for field in message {
            let field = field?;
            match field.number {
                2 => {
                    let (mut value, mut timestamp_ms) = (0.0, 0);
                    for part in field.message()? {
                        let part = part?;
                        match part.number {
                            1 => value = part.double()?,
                            2 => timestamp_ms = part.int64()?,
                            _ => {}
                        }
                    }
                    self.samples.push(timestamp_ms, value);
                }
                4 => self.answered.histograms_left += 1,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Where the next frame's payload begins behind its length and checksum, and how long it is; `None` until its head has
/// come.
fn frame(bytes: &[u8]) -> Result<Option<(usize, usize)>, String> {
    let mut len = 0usize;
    for (i, byte) in bytes.iter().enumerate() {
        if i >= 5 {
            return Err("length of a frame of the stream".to_owned());
        }
        len |= usize::from(byte & 0x7f) << (7 * i);
        if len > MAX_FRAME_BYTES {
            return Err(format!(
                "a frame of the stream is longer than {MAX_FRAME_BYTES} bytes"
            ));
        }
        if *byte < 0x80 {
            return Ok((bytes.len() >= i + 5).then_some((i + 5, len)));
        }
    }
    Ok(None)
}

/// The labels of a `TimeSeries` or `ChunkedSeries`: its field 1.
fn labels(message: Message<'_>) -> Result<Labels, WireError> {
    let mut builder = LabelsBuilder::default();
    for field in message {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        let (mut name, mut value) = ("", "");
        for part in field.message()? {
            let part = part?;
            match (part.number, part.value) {
                (1, Value::Bytes(_)) => name = part.text()?,
                (2, Value::Bytes(_)) => value = part.text()?,
                _ => {}
            }
        }
        builder.set(name, value);
    }
    Ok(builder.build())
}
