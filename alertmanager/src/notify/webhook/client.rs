//! The HTTP client that an `http_config` asks for, and its credentials.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, NoProxy, Proxy, redirect};
use rustls::RootCertStore;

use super::super::tls;
use crate::config::HttpConfig;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is probed, so that one whose peer is gone is noticed.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// A client; fails on settings that cannot work.
pub(super) fn build(http: &HttpConfig, base: &Path, roots: &Arc<RootCertStore>) -> Result<Client, String> {
    for name in http.http_headers.keys() {
        name.parse::<reqwest::header::HeaderName>()
            .map_err(|_| format!("invalid header name \"{name}\""))?;
    }
    let mut tls = tls::client(http.tls_config.as_ref(), base, roots)?;
    let http2 = http.enable_http2.unwrap_or(true);
    if http2 {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("Masthead/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(KEEPALIVE);
    if !http2 {
        builder = builder.http1_only();
    }
    if !http.follow_redirects.unwrap_or(true) {
        builder = builder.redirect(redirect::Policy::none());
    } else {
        builder = builder.redirect(redirect::Policy::limited(MAX_REDIRECTS));
    }
    if let Some(url) = &http.proxy_url {
        let proxy = Proxy::all(url).map_err(|e| format!("proxy_url: {e}"))?;
        builder = builder.proxy(proxy.no_proxy(http.no_proxy.as_deref().and_then(NoProxy::from_string)));
    } else if !http.proxy_from_environment {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| super::chain(&e))
}

/// A header value that stays out of logs.
pub(super) fn secret_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| "a header value cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
