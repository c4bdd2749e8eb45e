//! Chunks in frames, one series after the other: `prometheus.ChunkedReadResponse`.
//!
//! A frame is its length as a varint, the CRC32C of its payload, the payload. A thread of the pool writes frames into a
//! short queue that the socket empties; a client that stops reading for too long is given up.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Frame;
use model::metrics::Samples;
use model::{Labels, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tsdb::import::prometheus::{EncodedChunk, encode_chunks};

use super::request::Query;
use super::{ReadError, Source, wire};
use crate::PoolError;

/// Frames that wait for the socket.
const QUEUE: usize = 2;

/// A client that takes no frame for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a stream breaks off: the connection is closed within the body, which is how the client notices.
#[derive(Debug, thiserror::Error)]
#[error("the stream broke off: {0}")]
struct BrokenOff(String);

type Item = Result<Bytes, BrokenOff>;

/// The body, as soon as there is a first frame: what is wrong before it still shows as a status.
pub(super) async fn answer(source: Source, queries: Vec<Query>) -> Result<Body, ReadError> {
    let (frames, mut queue) = mpsc::channel(QUEUE);
    let pool = source.state.read.pool.clone();
    let writer = Writer {
        frames,
        runtime: Handle::current(),
        begun: false,
    };
    let writing = tokio::spawn(async move { pool.run(move || write(&source, &queries, writer)).await });
    if let Some(first) = queue.recv().await {
        return Ok(Body::new(Frames {
            first: Some(first),
            rest: queue,
        }));
    }
    // It ended without a frame: there is nothing to send, or it says why.
    let ended = writing.await.map_err(|_| PoolError::Failed("remote read"))?;
    ended??;
    Ok(Body::empty())
}

/// Writes all there is. An error behind the first frame goes the way of the frames.
fn write(source: &Source, queries: &[Query], mut writer: Writer) -> Result<(), ReadError> {
    for (i, query) in queries.iter().enumerate() {
        match series(source, query, i as u64, &mut writer) {
            Ok(true) => {}
            // Nobody reads any more.
            Ok(false) => return Ok(()),
            Err(error) if writer.begun => {
                writer.send(Err(BrokenOff(error.to_string())));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes the series of a query in the order of their labels, which readers rely on. False when nobody reads any more.
fn series(source: &Source, query: &Query, index: u64, writer: &mut Writer) -> Result<bool, StoreError> {
    let selected = source.select(query)?;
    let labels = (0..selected.series.len()).map(|i| Ok((selected.series.labels(i)?, i)));
    let mut sorted = labels.collect::<Result<Vec<(Labels, usize)>, StoreError>>()?;
    sorted.sort_unstable();
    let mut samples = Samples::default();
    for (labels, i) in sorted {
        let found = selected.series.reader(i..i + 1).next(&mut samples)?;
        if !found || samples.is_empty() {
            continue;
        }
        let labels = source.outside(&labels);
        let chunks = encode_chunks(&samples);
        for frame in frames(&labels, &chunks, index, source.state.read.frame_bytes) {
            if !writer.send(Ok(frame)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The chunks of a series in frames of about `frame_bytes`: each ends with the chunk that reaches the bound.
fn frames(
    labels: &Labels,
    chunks: &[EncodedChunk],
    index: u64,
    frame_bytes: usize,
) -> impl Iterator<Item = Bytes> {
    let mut head = Vec::new();
    wire::labels(&mut head, labels);
    let mut rest = chunks;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut series, mut scratch) = (head.clone(), Vec::new());
        while let Some((chunk, later)) = rest.split_first() {
            wire::message(&mut series, 2, &mut scratch, |out| {
                wire::int64(out, 1, chunk.min_ms);
                wire::int64(out, 2, chunk.max_ms);
                wire::number(out, 3, u64::from(chunk.encoding.as_u8()));
                wire::bytes(out, 4, &chunk.data);
            });
            rest = later;
            if series.len() >= frame_bytes {
                break;
            }
        }
        let mut response = Vec::with_capacity(series.len() + 16);
        wire::bytes(&mut response, 1, &series);
        wire::number(&mut response, 2, index);
        Some(frame(&response))
    })
}

fn frame(payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    wire::varint(&mut frame, payload.len() as u64);
    frame.extend_from_slice(&crc32c::crc32c(payload).to_be_bytes());
    frame.extend_from_slice(payload);
    Bytes::from(frame)
}

/// The writing end of the queue, on a thread that may block.
struct Writer {
    frames: mpsc::Sender<Item>,
    runtime: Handle,
    begun: bool,
}

impl Writer {
    /// False when nobody takes it.
    fn send(&mut self, item: Item) -> bool {
        self.begun = true;
        let sent = self
            .runtime
            .block_on(tokio::time::timeout(PATIENCE, self.frames.send(item)));
        matches!(sent, Ok(Ok(())))
    }
}

/// The reading end, as a body.
struct Frames {
    first: Option<Item>,
    rest: mpsc::Receiver<Item>,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first.map(Frame::data)));
        }
        let next = self.rest.poll_recv(context);
        next.map(|item| item.map(|item| item.map(Frame::data)))
    }
}
