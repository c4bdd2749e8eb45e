//! How an HTTP client connects and who it says it is: upstream's `http_config`, whose fields stand directly in
//! a scrape configuration and in `kubernetes_sd_configs`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Text that must not show in logs.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A value given in the file itself or in another one, which is read anew each time it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In the configuration.
    Inline(Secret),
    /// In this file, relative to the configuration.
    File(PathBuf),
}

impl SecretSource {
    fn pick(inline: Option<Secret>, file: Option<PathBuf>) -> Option<SecretSource> {
        file.map(SecretSource::File).or(inline.map(SecretSource::Inline))
    }

    /// The value, without white space around it where it comes from a file. Reads the disk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, base_dir: &Path) -> Result<String, String> {
        match self {
            SecretSource::Inline(secret) => Ok(secret.0.clone()),
            SecretSource::File(file) => {
                let path = base_dir.join(file);
                let text = std::fs::read_to_string(&path);
                text.map(|text| text.trim().to_owned())
                    .map_err(|error| format!("unable to read file {}: {error}", path.display()))
            }
        }
    }
}

/// What goes into the `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// User name and password.
    Basic {
        /// The user; empty where none is given.
        username: Option<SecretSource>,
        /// The password; empty where none is given.
        password: Option<SecretSource>,
    },
    /// A scheme and credentials, e.g. `Bearer` and a token.
    Credentials {
        /// The word in front.
        scheme: String,
        /// What follows it.
        credentials: SecretSource,
    },
}

/// A header that goes with every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<SecretSource>,
}

/// `tls_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's, in PEM.
    pub ca: Option<String>,
    /// The same, in a file.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificates, in PEM.
    pub cert: Option<String>,
    /// The same, in a file.
    pub cert_file: Option<PathBuf>,
    /// The client's own key, in PEM.
    pub key: Option<Secret>,
    /// The same, in a file.
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate must bear, if not the host's.
    pub server_name: Option<String>,
    /// Whether any certificate will do.
    pub insecure_skip_verify: bool,
    /// `TLS10` to `TLS13`.
    pub min_version: Option<String>,
    /// `TLS10` to `TLS13`.
    pub max_version: Option<String>,
}

impl TlsConfig {
    fn check(&self) -> Result<(), String> {
        let both = |inline: bool, file: bool| inline && file;
        if both(self.ca.is_some(), self.ca_file.is_some()) {
            return Err("at most one of ca and ca_file must be configured".to_owned());
        }
        if both(self.cert.is_some(), self.cert_file.is_some()) {
            return Err("at most one of cert and cert_file must be configured".to_owned());
        }
        if both(self.key.is_some(), self.key_file.is_some()) {
            return Err("at most one of key and key_file must be configured".to_owned());
        }
        let cert = self.cert.is_some() || self.cert_file.is_some();
        let key = self.key.is_some() || self.key_file.is_some();
        match (cert, key) {
            (true, false) => return Err(
                "exactly one of key or key_file must be configured when a client certificate is configured"
                    .to_owned(),
            ),
            (false, true) => {
                return Err(
                    "exactly one of cert or cert_file must be configured when a client key is configured"
                        .to_owned(),
                );
            }
            _ => {}
        }
        for version in [&self.min_version, &self.max_version].into_iter().flatten() {
            if !matches!(version.as_str(), "TLS10" | "TLS11" | "TLS12" | "TLS13") {
                return Err(format!("unknown TLS version: {version}"));
            }
        }
        match self.max_version.as_deref() {
            Some("TLS10" | "TLS11") => Err("max_version below TLS12 is not supported".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Everything about the HTTP client of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Who the client says it is.
    pub auth: Auth,
    /// How it encrypts.
    pub tls: TlsConfig,
    /// Whether it goes where a redirect points.
    pub follow_redirects: bool,
    /// Whether it may speak HTTP/2 over TLS.
    pub enable_http2: bool,
    /// The proxy to go through.
    pub proxy_url: Option<String>,
    /// Hosts to reach without the proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// What goes with every request.
    pub headers: Vec<Header>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            auth: Auth::None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            no_proxy: None,
            headers: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBasicAuth {
    username: Option<Secret>,
    username_file: Option<PathBuf>,
    password: Option<Secret>,
    password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAuthorization {
    #[serde(rename = "type")]
    scheme: Option<String>,
    credentials: Option<Secret>,
    credentials_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHeader {
    values: Option<Vec<String>>,
    secrets: Option<Vec<Secret>>,
    files: Option<Vec<PathBuf>>,
}

/// The fields as they stand in the file, collected by the sections that hold them.
#[derive(Debug, Clone, Default)]
pub(super) struct RawHttp {
    pub(super) basic_auth: Option<RawBasicAuth>,
    pub(super) authorization: Option<RawAuthorization>,
    pub(super) oauth2: Option<IgnoredAny>,
    pub(super) bearer_token: Option<Secret>,
    pub(super) bearer_token_file: Option<PathBuf>,
    pub(super) tls_config: Option<TlsConfig>,
    pub(super) follow_redirects: Option<bool>,
    pub(super) enable_http2: Option<bool>,
    pub(super) proxy_url: Option<String>,
    pub(super) no_proxy: Option<String>,
    pub(super) proxy_from_environment: Option<bool>,
    pub(super) proxy_connect_header: Option<IgnoredAny>,
    pub(super) http_headers: Option<BTreeMap<String, Option<RawHeader>>>,
}

impl RawHttp {
    pub(super) fn check(self) -> Result<HttpConfig, String> {
        let auth = self.auth()?;
        if self.oauth2.is_some() {
            return Err("oauth2 is not supported yet".to_owned());
        }
        if self.proxy_from_environment == Some(true) {
            return Err("proxy_from_environment is not supported; use proxy_url".to_owned());
        }
        if self.proxy_connect_header.is_some() {
            return Err("proxy_connect_header is not supported yet".to_owned());
        }
        if self.no_proxy.is_some() && self.proxy_url.is_none() {
            return Err("if no_proxy is configured, proxy_url must also be configured".to_owned());
        }
        let tls = self.tls_config.unwrap_or_default();
        tls.check()?;
        Ok(HttpConfig {
            auth,
            tls,
            follow_redirects: self.follow_redirects.unwrap_or(true),
            enable_http2: self.enable_http2.unwrap_or(true),
            proxy_url: self.proxy_url,
            no_proxy: self.no_proxy,
            headers: headers(self.http_headers.unwrap_or_default())?,
        })
    }

    fn auth(&self) -> Result<Auth, String> {
        let bearer = SecretSource::pick(self.bearer_token.clone(), self.bearer_token_file.clone());
        if self.bearer_token.is_some() && self.bearer_token_file.is_some() {
            return Err("at most one of bearer_token & bearer_token_file must be configured".to_owned());
        }
        let basic_or_oauth = usize::from(self.basic_auth.is_some()) + usize::from(self.oauth2.is_some());
        if bearer.is_some() && basic_or_oauth > 0 {
            return Err(
                "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
                    .to_owned(),
            );
        }
        if self.authorization.is_some() && bearer.is_some() {
            return Err("authorization is not compatible with bearer_token & bearer_token_file".to_owned());
        }
        if basic_or_oauth + usize::from(self.authorization.is_some()) > 1 {
            return Err("at most one of basic_auth, oauth2 & authorization must be configured".to_owned());
        }
        match (bearer, &self.basic_auth, &self.authorization) {
            (Some(credentials), _, _) => Ok(Auth::Credentials {
                scheme: "Bearer".to_owned(),
                credentials,
            }),
            (None, Some(basic), _) => basic_auth(basic),
            (None, None, Some(authorization)) => authorization_auth(authorization),
            (None, None, None) => Ok(Auth::None),
        }
    }
}

fn basic_auth(raw: &RawBasicAuth) -> Result<Auth, String> {
    if raw.username.is_some() && raw.username_file.is_some() {
        return Err("at most one of basic_auth username & username_file must be configured".to_owned());
    }
    if raw.password.is_some() && raw.password_file.is_some() {
        return Err("at most one of basic_auth password & password_file must be configured".to_owned());
    }
    Ok(Auth::Basic {
        username: SecretSource::pick(raw.username.clone(), raw.username_file.clone()),
        password: SecretSource::pick(raw.password.clone(), raw.password_file.clone()),
    })
}

fn authorization_auth(raw: &RawAuthorization) -> Result<Auth, String> {
    if raw.credentials.is_some() && raw.credentials_file.is_some() {
        return Err(
            "at most one of authorization credentials & credentials_file must be configured".to_owned(),
        );
    }
    let scheme = raw
        .scheme
        .as_deref()
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .unwrap_or("Bearer");
    if scheme.eq_ignore_ascii_case("basic") {
        return Err("authorization type cannot be set to \"basic\", use \"basic_auth\" instead".to_owned());
    }
    let credentials = SecretSource::pick(raw.credentials.clone(), raw.credentials_file.clone());
    Ok(credentials.map_or(Auth::None, |credentials| Auth::Credentials {
        scheme: scheme.to_owned(),
        credentials,
    }))
}

/// Headers that the scraper itself sets may not be set by configuration, as upstream.
fn headers(raw: BTreeMap<String, Option<RawHeader>>) -> Result<Vec<Header>, String> {
    const RESERVED: [&str; 9] = [
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "transfer-encoding",
    ];
    let mut out = Vec::new();
    for (name, header) in raw {
        if RESERVED
            .iter()
            .any(|reserved| name.eq_ignore_ascii_case(reserved))
        {
            return Err(format!("setting header \"{name}\" is not allowed"));
        }
        let header = header.unwrap_or_default();
        let inline = header.values.unwrap_or_default().into_iter().map(Secret);
        let inline = inline
            .chain(header.secrets.unwrap_or_default())
            .map(SecretSource::Inline);
        let files = header
            .files
            .unwrap_or_default()
            .into_iter()
            .map(SecretSource::File);
        out.push(Header {
            name,
            values: inline.chain(files).collect(),
        });
    }
    Ok(out)
}
