//! One answer from one target: capped in time and in decompressed bytes.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;

use super::client::Client;
use super::process::ScrapeError;

/// The bound where the configuration sets none: no page is this large by intent.
const MAX_BODY_BYTES: u64 = 256 << 20;

/// A page as it came.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    pub(super) content_type: Option<String>,
}

/// Fetches a page. `capacity` is a guess at its size.
pub(super) async fn fetch(
    client: &Client,
    url: url::Url,
    timeout: Duration,
    limit: u64,
    capacity: usize,
) -> Result<Page, ScrapeError> {
    match tokio::time::timeout(timeout, read(client, url, timeout, limit, capacity)).await {
        Ok(result) => result.map_err(ScrapeError::Fetch),
        Err(_) => Err(ScrapeError::Fetch("context deadline exceeded".to_owned())),
    }
}

async fn read(
    client: &Client,
    url: url::Url,
    timeout: Duration,
    limit: u64,
    capacity: usize,
) -> Result<Page, String> {
    let request = client.request(url, timeout)?;
    let mut response = client.execute(request).await.map_err(|e| explain(&e))?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("server returned HTTP status {}", response.status()));
    }
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let limit = if limit == 0 { MAX_BODY_BYTES } else { limit };
    let mut body = Vec::with_capacity(capacity.min(usize::try_from(limit).unwrap_or(usize::MAX)));
    while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e))? {
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(format!("body size limit exceeded: {limit} bytes are allowed"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Page { body, content_type })
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
