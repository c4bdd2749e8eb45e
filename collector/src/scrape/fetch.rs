//! One answer from one target: capped in time and in decompressed bytes.
//!
//! Plain HTTP goes over the target's own [`Connection`]. Where TLS, a proxy or a redirect is in the way, a general
//! client is asked.

use std::io::Read as _;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;

use super::client::Client;
use super::connection::Connection;
use super::process::ScrapeError;
use super::spare::Spare;

/// The bound where the configuration sets none: no page is this large by intent.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// A page as it came.
#[derive(Debug, Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    start: usize,
    gzip: bool,
    limit: u64,
    pub(super) content_type: Option<String>,
}

impl Page {
    /// The page's text, unpacked into a spare buffer where it came packed. Takes as long as unpacking does.
    ///
    /// # Errors
    /// It is not packed as its head says, or too large.
    pub(super) fn unpack(self, spare: &Spare<Vec<u8>>) -> Result<Body, String> {
        if !self.gzip {
            return Ok(Body {
                bytes: self.bytes,
                start: self.start,
            });
        }
        let mut bytes = spare.take();
        let packed = self.bytes.get(self.start..).unwrap_or_default();
        let read = flate2::read::MultiGzDecoder::new(packed)
            .take(self.limit.saturating_add(1))
            .read_to_end(&mut bytes);
        spare.give_buffer(self.bytes);
        let result = match read {
            Err(error) => Err(format!("the gzip body cannot be read: {error}")),
            Ok(length) if length as u64 > self.limit => Err(too_large(self.limit)),
            Ok(_) => return Ok(Body { bytes, start: 0 }),
        };
        spare.give_buffer(bytes);
        result
    }
}

/// The text of a page, in a buffer that is to be given back.
#[derive(Debug, Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
    start: usize,
}

impl Body {
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(super) fn give_back(self, spare: &Spare<Vec<u8>>) {
        spare.give_buffer(self.bytes);
    }
}

/// How a target is asked, from one scrape to the next.
#[derive(Debug, Default)]
pub(super) struct Way {
    connection: Connection,
    /// It sent us elsewhere last time.
    redirected: bool,
}

/// Fetches a page within `timeout`. `limit` is in bytes, 0 for the default.
pub(super) async fn fetch(
    client: &Client,
    way: &mut Way,
    url: &url::Url,
    timeout: Duration,
    limit: u64,
    spare: &Spare<Vec<u8>>,
) -> Result<Page, ScrapeError> {
    let limit = if limit == 0 { MAX_BODY_BYTES } else { limit };
    let page = async {
        if client.is_direct(url)
            && !way.redirected
            && let Some(page) = direct(client, way, url, timeout, limit, spare).await?
        {
            return Ok(page);
        }
        general(client, url, timeout, limit, spare).await
    };
    match tokio::time::timeout(timeout, page).await {
        Ok(result) => result.map_err(ScrapeError::Fetch),
        Err(_) => Err(ScrapeError::Fetch("context deadline exceeded".to_owned())),
    }
}

/// `None` where the target sends us elsewhere.
async fn direct(
    client: &Client,
    way: &mut Way,
    url: &url::Url,
    timeout: Duration,
    limit: u64,
    spare: &Spare<Vec<u8>>,
) -> Result<Option<Page>, String> {
    let request = client.request_bytes(url, timeout)?;
    let answer = way.connection.ask(url, &request, limit, timeout, spare).await?;
    let head = answer.head;
    if head.status != 200 {
        spare.give_buffer(answer.bytes);
        if matches!(head.status, 301 | 302 | 303 | 307 | 308) && head.elsewhere && client.follows_redirects()
        {
            way.redirected = true;
            return Ok(None);
        }
        return Err(refused(head.status));
    }
    let gzip = match head.encoding.as_deref() {
        None => false,
        Some("gzip" | "x-gzip") => true,
        Some(other) => return Err(format!("content encoding {other:?} is not supported")),
    };
    Ok(Some(Page {
        bytes: answer.bytes,
        start: answer.start,
        gzip,
        limit,
        content_type: head.content_type,
    }))
}

async fn general(
    client: &Client,
    url: &url::Url,
    timeout: Duration,
    limit: u64,
    spare: &Spare<Vec<u8>>,
) -> Result<Page, String> {
    let request = client.request(url, timeout)?;
    let mut response = client.execute(request).await?.map_err(|e| explain(&e))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(refused(response.status().as_u16()));
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut bytes = spare.take();
    while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e))? {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Page {
        bytes,
        limit,
        content_type,
        ..Page::default()
    })
}

fn refused(status: u16) -> String {
    match reqwest::StatusCode::from_u16(status) {
        Ok(status) => format!("server returned HTTP status {status}"),
        Err(_) => format!("server returned HTTP status {status}"),
    }
}

pub(super) fn too_large(limit: u64) -> String {
    format!("body size limit exceeded: {limit} bytes are allowed")
}

/// The whole chain of causes: the outermost says only that something failed.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
