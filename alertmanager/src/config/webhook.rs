//! `webhook_configs:`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use yaml::{PromDuration, or_default};

use super::global::Global;
use super::http::HttpConfig;
use super::millis_or;

/// An HTTP POST to a URL.
#[derive(Debug, Clone, Default)]
pub struct WebhookConfig {
    /// Whether resolved alerts are sent as well.
    pub send_resolved: bool,
    /// The URL, a template; empty where [`WebhookConfig::url_file`] is given.
    pub url: String,
    /// A file that holds the URL, read at each notification.
    pub url_file: String,
    /// How the request is made.
    pub http: HttpConfig,
    /// How many alerts go into one message; 0 for all.
    pub max_alerts: usize,
    /// How long one request may take, in milliseconds; 0 for no bound of its own.
    pub timeout_ms: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWebhook {
    send_resolved: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    url: String,
    #[serde(deserialize_with = "or_default")]
    url_file: String,
    http_config: Option<HttpConfig>,
    #[serde(deserialize_with = "or_default")]
    max_alerts: usize,
    timeout: Option<PromDuration>,
    payload: Option<IgnoredAny>,
}

impl RawWebhook {
    /// Checks the section and fills in what it inherits.
    pub(super) fn resolve(&self, global: &Global) -> Result<WebhookConfig, String> {
        match (self.url.is_empty(), self.url_file.is_empty()) {
            (true, true) => return Err("one of url or url_file must be configured".to_owned()),
            (false, false) => return Err("at most one of url & url_file must be configured".to_owned()),
            _ => {}
        }
        if self.payload.is_some() {
            return Err("webhook_configs: payload is not supported".to_owned());
        }
        // A URL with a template in it has its final form only when a notification is made.
        if !self.url.is_empty() && !self.url.contains("{{") {
            check_url(&self.url)?;
        }
        let http = self
            .http_config
            .as_ref()
            .or(global.http_config.as_ref())
            .cloned()
            .unwrap_or_default();
        http.check()?;
        Ok(WebhookConfig {
            send_resolved: self.send_resolved.unwrap_or(true),
            url: self.url.clone(),
            url_file: self.url_file.clone(),
            http,
            max_alerts: self.max_alerts,
            timeout_ms: millis_or(self.timeout, 0),
        })
    }
}

/// Whether requests can go to `text`: http or https, with a host.
pub(crate) fn check_url(text: &str) -> Result<url::Url, String> {
    let url = url::Url::parse(text).map_err(|e| format!("invalid URL: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("unsupported scheme \"{}\" for URL", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("missing host for URL".to_owned());
    }
    Ok(url)
}
