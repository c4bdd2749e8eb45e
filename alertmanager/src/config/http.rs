//! How an HTTP request is made: credentials, TLS, proxy, headers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use yaml::or_default;

use super::text::Secret;

/// An `http_config:` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// A bearer token, the older form of [`HttpConfig::authorization`].
    pub bearer_token: Option<Secret>,
    /// A file with a bearer token.
    pub bearer_token_file: Option<String>,
    /// TLS settings.
    pub tls_config: Option<TlsConfig>,
    /// A proxy for every request.
    pub proxy_url: Option<String>,
    /// Hosts that are reached without the proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// Whether `HTTP_PROXY` and its kin apply.
    #[serde(deserialize_with = "or_default")]
    pub proxy_from_environment: bool,
    /// Whether redirects are followed; yes by default.
    pub follow_redirects: Option<bool>,
    /// Whether HTTP/2 may be spoken; yes by default.
    pub enable_http2: Option<bool>,
    /// Further headers.
    #[serde(deserialize_with = "or_default")]
    pub http_headers: BTreeMap<String, HeaderValues>,
    oauth2: Option<IgnoredAny>,
    proxy_connect_header: Option<IgnoredAny>,
}

/// The values of one further header.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderValues {
    /// Values as they stand.
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<String>,
    /// Values that stay out of logs.
    #[serde(deserialize_with = "or_default")]
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    #[serde(deserialize_with = "or_default")]
    pub files: Vec<String>,
}

/// User name and password.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    /// The user's name.
    #[serde(deserialize_with = "or_default")]
    pub username: String,
    /// A file with the user's name.
    pub username_file: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// A file with the password.
    pub password_file: Option<String>,
}

/// An `Authorization` header: type and credentials.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// The scheme, `Bearer` by default.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What follows the scheme.
    pub credentials: Option<Secret>,
    /// A file with what follows the scheme.
    pub credentials_file: Option<String>,
}

/// A `tls_config:` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// Certificates (PEM) to trust instead of the system's.
    pub ca: Option<String>,
    /// A file with such certificates.
    pub ca_file: Option<String>,
    /// The client's certificate (PEM).
    pub cert: Option<String>,
    /// A file with the client's certificate.
    pub cert_file: Option<String>,
    /// The client's key (PEM).
    pub key: Option<Secret>,
    /// A file with the client's key.
    pub key_file: Option<String>,
    /// The name the server's certificate must bear, where it is not the host's.
    pub server_name: Option<String>,
    /// Whether any certificate is accepted.
    #[serde(deserialize_with = "or_default")]
    pub insecure_skip_verify: bool,
    /// The lowest version spoken. TLS 1.2 is the lowest there is.
    pub min_version: Option<TlsVersion>,
    max_version: Option<TlsVersion>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs)]
pub enum TlsVersion {
    #[serde(rename = "TLS10")]
    Tls10,
    #[serde(rename = "TLS11")]
    Tls11,
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

impl TlsConfig {
    /// Checks what the fields mean together.
    pub(super) fn check(&self) -> Result<(), String> {
        at_most_one("ca", self.ca.is_some(), "ca_file", self.ca_file.is_some())?;
        at_most_one("cert", self.cert.is_some(), "cert_file", self.cert_file.is_some())?;
        at_most_one("key", self.key.is_some(), "key_file", self.key_file.is_some())?;
        if (self.cert.is_some() || self.cert_file.is_some())
            != (self.key.is_some() || self.key_file.is_some())
        {
            return Err("exactly one of cert and key is given for a TLS client, both are needed".to_owned());
        }
        if self
            .max_version
            .is_some_and(|version| version != TlsVersion::Tls13)
        {
            return Err("tls_config: max_version below TLS13 is not supported".to_owned());
        }
        Ok(())
    }
}

impl HttpConfig {
    /// Checks what the fields mean together.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.oauth2.is_some() {
            return Err("http_config: oauth2 is not supported".to_owned());
        }
        if self.proxy_connect_header.is_some() {
            return Err("http_config: proxy_connect_header is not supported".to_owned());
        }
        let bearer = self.bearer_token.is_some() || self.bearer_token_file.is_some();
        at_most_one(
            "bearer_token",
            self.bearer_token.is_some(),
            "bearer_token_file",
            self.bearer_token_file.is_some(),
        )?;
        let ways = [self.basic_auth.is_some(), self.authorization.is_some(), bearer];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(
                "at most one of basic_auth, authorization and bearer_token must be configured".to_owned(),
            );
        }
        if let Some(basic) = &self.basic_auth {
            at_most_one(
                "basic_auth username",
                !basic.username.is_empty(),
                "username_file",
                basic.username_file.is_some(),
            )?;
            at_most_one(
                "basic_auth password",
                basic.password.is_some(),
                "password_file",
                basic.password_file.is_some(),
            )?;
        }
        if let Some(authorization) = &self.authorization {
            at_most_one(
                "authorization credentials",
                authorization.credentials.is_some(),
                "credentials_file",
                authorization.credentials_file.is_some(),
            )?;
            if authorization
                .kind
                .as_deref()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("basic"))
            {
                return Err(
                    "authorization type cannot be set to \"basic\", use \"basic_auth\" instead".to_owned(),
                );
            }
        }
        if self.no_proxy.is_some() && self.proxy_url.is_none() {
            return Err("if no_proxy is configured, proxy_url must also be configured".to_owned());
        }
        if self.proxy_from_environment && self.proxy_url.is_some() {
            return Err("at most one of proxy_url and proxy_from_environment must be configured".to_owned());
        }
        self.tls_config.as_ref().map_or(Ok(()), |tls| {
            if tls.server_name.is_some() {
                return Err("http_config: tls_config.server_name is not supported".to_owned());
            }
            tls.check()
        })
    }
}

/// Refuses two forms of the same setting.
pub(super) fn at_most_one(one: &str, has_one: bool, other: &str, has_other: bool) -> Result<(), String> {
    if has_one && has_other {
        return Err(format!("at most one of {one} & {other} must be configured"));
    }
    Ok(())
}
