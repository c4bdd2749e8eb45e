//! The HTTP client of a job, and the headers that go with each of its requests.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use reqwest::redirect::Policy;

use super::tls;
use crate::config::{Auth, EscapingScheme, HttpConfig, ScrapeJob, ScrapeProtocol};

const AGENT: &str = concat!("Masthead/", env!("CARGO_PKG_VERSION"));
const MAX_REDIRECTS: usize = 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Shared by all targets of a job; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    headers: HeaderMap,
    config: HttpConfig,
    base: PathBuf,
}

impl Client {
    /// Builds the client. Reads certificates, once.
    pub(super) fn new(job: &ScrapeJob, base: &Path) -> Result<Client, String> {
        let config = &job.http;
        let redirects = if config.follow_redirects {
            Policy::limited(MAX_REDIRECTS)
        } else {
            Policy::none()
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&config.tls, base, config.enable_http2)?)
            .redirect(redirects)
            .gzip(job.enable_compression)
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
        let http = builder
            .build()
            .map_err(|e| format!("error creating HTTP client: {e}"))?;
        let headers = headers(job)?;
        Ok(Client {
            http,
            headers,
            config: config.clone(),
            base: base.to_owned(),
        })
    }

    /// A request for a target. Reads secrets from their files, each time, since those are rotated.
    pub(super) fn request(&self, url: url::Url, timeout: Duration) -> Result<reqwest::Request, String> {
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
        self.http
            .get(url)
            .headers(headers)
            .build()
            .map_err(|e| e.to_string())
    }

    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, reqwest::Error> {
        self.http.execute(request).await
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
