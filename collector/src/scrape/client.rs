//! The HTTP client of a job, and the headers that go with each of its requests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use reqwest::redirect::Policy;
use url::Url;

use super::tls;
use crate::config::{Auth, EscapingScheme, HttpConfig, ScrapeJob, ScrapeProtocol, TlsConfig};

const AGENT: &str = concat!("Masthead/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Shared by all targets of a job; cheap to clone. Configurations have hundreds of jobs of one target each, so what
/// costs memory, the general client and the roots it trusts, is made when a target first needs it.
#[derive(Debug, Clone)]
pub(super) struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    general: OnceLock<Result<reqwest::Client, String>>,
    headers: HeaderMap,
    compression: bool,
    config: HttpConfig,
    base: PathBuf,
}

impl Client {
    /// The client of a job. Reads certificates that the job names, once.
    pub(super) fn new(job: &ScrapeJob, base: &Path) -> Result<Client, String> {
        let inner = Inner {
            general: OnceLock::new(),
            headers: headers(job)?,
            compression: job.enable_compression,
            config: job.http.clone(),
            base: base.to_owned(),
        };
        if inner.config.tls != TlsConfig::default() || inner.config.proxy_url.is_some() {
            // What can be wrong with it is to be told now, not at the first scrape.
            let general = inner.build()?;
            let _ = inner.general.set(Ok(general));
        }
        Ok(Client(Arc::new(inner)))
    }

    /// Whether a URL is asked over a connection of the target's own.
    pub(super) fn is_direct(&self, url: &Url) -> bool {
        url.scheme() == "http"
            && self.0.config.proxy_url.is_none()
            && url.username().is_empty()
            && url.password().is_none()
    }

    pub(super) fn follows_redirects(&self) -> bool {
        self.0.config.follow_redirects
    }

    /// The request for a target as it goes over the wire in HTTP/1.1.
    pub(super) fn request_bytes(&self, url: &Url, timeout: Duration) -> Result<Vec<u8>, String> {
        let headers = self.0.request_headers(timeout)?;
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(b"GET ");
        out.extend_from_slice(url.path().as_bytes());
        if let Some(query) = url.query() {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        let mut field = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        if !headers.contains_key(HOST) {
            let host = url.host_str().unwrap_or_default();
            match url.port() {
                Some(port) => field("host", format!("{host}:{port}").as_bytes()),
                None => field("host", host.as_bytes()),
            }
        }
        if self.0.compression && !headers.contains_key(ACCEPT_ENCODING) {
            field("accept-encoding", b"gzip");
        }
        for (name, value) in &headers {
            field(name.as_str(), value.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(out)
    }

    /// The request for a target, for the general client.
    pub(super) fn request(&self, url: &Url, timeout: Duration) -> Result<reqwest::Request, String> {
        let mut request = reqwest::Request::new(reqwest::Method::GET, url.clone());
        *request.headers_mut() = self.0.request_headers(timeout)?;
        Ok(request)
    }

    /// Asks by the general client; the outer error says why there is none.
    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
    ) -> Result<Result<reqwest::Response, reqwest::Error>, String> {
        let general = self.0.general.get_or_init(|| self.0.build()).as_ref();
        Ok(general.map_err(Clone::clone)?.execute(request).await)
    }
}

impl Inner {
    fn build(&self) -> Result<reqwest::Client, String> {
        let config = &self.config;
        let redirects = if config.follow_redirects {
            Policy::limited(MAX_REDIRECTS)
        } else {
            Policy::none()
        };
        let tls = tls::client_config(&config.tls, &self.base, config.enable_http2)?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirects)
            .gzip(self.compression)
            .referer(false)
            // As in Prometheus, the environment's proxies are for those who ask for them.
            .no_proxy()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if let Some(url) = &config.proxy_url {
            let proxy = reqwest::Proxy::all(url).map_err(|e| format!("proxy_url: {e}"))?;
            let except = config.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
            builder = builder.proxy(proxy.no_proxy(except));
        }
        builder
            .build()
            .map_err(|e| format!("error creating HTTP client: {e}"))
    }

    /// Reads secrets from their files, each time, since those are rotated.
    fn request_headers(&self, timeout: Duration) -> Result<HeaderMap, String> {
        let mut headers = self.headers.clone();
        let seconds = HeaderValue::from_str(&timeout.as_secs_f64().to_string()).map_err(|e| e.to_string())?;
        headers.insert("x-prometheus-scrape-timeout-seconds", seconds);
        for header in &self.config.headers {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|e| e.to_string())?;
            for value in &header.values {
                let value = HeaderValue::from_str(&value.read(&self.base)?).map_err(|e| e.to_string())?;
                headers.append(name.clone(), value);
            }
        }
        if let Some(mut value) = authorization(&self.config.auth, &self.base)? {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

fn authorization(auth: &Auth, base: &Path) -> Result<Option<HeaderValue>, String> {
    use base64::Engine as _;
    let text = match auth {
        Auth::None => return Ok(None),
        Auth::Basic { username, password } => {
            let read = |part: &Option<crate::config::SecretSource>| {
                part.as_ref().map_or(Ok(String::new()), |p| p.read(base))
            };
            let pair = format!("{}:{}", read(username)?, read(password)?);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        Auth::Credentials { scheme, credentials } => format!("{scheme} {}", credentials.read(base)?),
    };
    HeaderValue::from_str(&text)
        .map(Some)
        .map_err(|_| "credentials hold characters no header can".to_owned())
}

fn headers(job: &ScrapeJob) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let accept = accept(&job.scrape_protocols, job.escaping_scheme);
    headers.insert(ACCEPT, HeaderValue::from_str(&accept).map_err(|e| e.to_string())?);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if !job.enable_compression {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(headers)
}

/// The formats in order of preference, then anything.
pub(super) fn accept(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let escaping = escaping.as_str();
    let mut weight = protocols.len() + 1;
    let mut out = String::new();
    for protocol in protocols {
        let kind = match protocol {
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1".to_owned(),
            ScrapeProtocol::OpenMetricsText1_0_0 => {
                format!("application/openmetrics-text;version=1.0.0;escaping={escaping}")
            }
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4".to_owned(),
            ScrapeProtocol::PrometheusText1_0_0 => format!("text/plain;version=1.0.0;escaping={escaping}"),
            ScrapeProtocol::PrometheusProto => continue,
        };
        out.push_str(&format!("{kind};q=0.{weight},"));
        weight -= 1;
    }
    out.push_str(&format!("*/*;q=0.{weight}"));
    out
}
