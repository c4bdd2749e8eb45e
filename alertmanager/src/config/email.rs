//! `email_configs:`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use yaml::or_default;

use super::global::Global;
use super::http::{TlsConfig, at_most_one};
use super::text::Secret;

/// The subject where none is configured.
const DEFAULT_SUBJECT: &str = "{{ template \"email.default.subject\" . }}";
/// The body where none is configured.
const DEFAULT_HTML: &str = "{{ template \"email.default.html\" . }}";
/// The refusal of credentials that serve CRAM-MD5 alone: every mail would fail.
const ONLY_A_SECRET: &str = "auth_secret is not supported, CRAM-MD5 is not spoken: \
    set auth_password or auth_password_file as well, for PLAIN and LOGIN";
/// The port on which TLS begins with the connection.
const SUBMISSIONS_PORT: u16 = 465;

/// An e-mail by way of an SMTP server.
#[derive(Debug, Clone)]
pub struct EmailConfig {
    /// Whether resolved alerts are sent as well.
    pub send_resolved: bool,
    /// Recipients, separated by commas; a template.
    pub to: String,
    /// The sender; a template.
    pub from: String,
    /// The name given in EHLO.
    pub hello: String,
    /// The server.
    pub smarthost: HostPort,
    /// The user's name; no authentication where it is empty.
    pub auth_username: String,
    /// The password.
    pub auth_password: Secret,
    /// A file with the password, read at each notification.
    pub auth_password_file: String,
    /// The identity to act as.
    pub auth_identity: String,
    /// Whether a connection without TLS is refused.
    pub require_tls: bool,
    /// Whether TLS begins with the connection.
    pub implicit_tls: bool,
    /// How the server's certificate is checked.
    pub tls: TlsConfig,
    /// Headers, by canonical name; values are templates. Subject, To and From are always among them.
    pub headers: BTreeMap<String, String>,
    /// The HTML body, a template; empty for none.
    pub html: String,
    /// The text body, a template; empty for none.
    pub text: String,
    /// Whether mails about a group belong to one thread.
    pub threading: Threading,
}

/// Whether mails about the same group belong to one thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Threading {
    /// Whether threads are made.
    #[serde(deserialize_with = "or_default")]
    pub enabled: bool,
    /// When a new thread begins.
    #[serde(deserialize_with = "or_default")]
    pub thread_by_date: ThreadBy,
}

/// When a new thread begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreadBy {
    /// Every day.
    #[default]
    Daily,
    /// Never.
    None,
}

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HostPort {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl TryFrom<String> for HostPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("address {text}: missing port in address"))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if bare.is_none() && host.contains(':') {
            return Err(format!("address {text}: too many colons in address"));
        }
        if port.is_empty() {
            return Err(format!("address \"{text}\": port cannot be empty"));
        }
        let port = port
            .parse()
            .map_err(|_| format!("address {text}: invalid port"))?;
        Ok(HostPort {
            host: bare.unwrap_or(host).to_owned(),
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEmail {
    send_resolved: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    to: String,
    #[serde(deserialize_with = "or_default")]
    from: String,
    hello: Option<String>,
    smarthost: Option<HostPort>,
    #[serde(deserialize_with = "or_default")]
    auth_username: String,
    #[serde(deserialize_with = "or_default")]
    auth_password: Secret,
    #[serde(deserialize_with = "or_default")]
    auth_password_file: String,
    #[serde(deserialize_with = "or_default")]
    auth_secret: Secret,
    #[serde(deserialize_with = "or_default")]
    auth_secret_file: String,
    #[serde(deserialize_with = "or_default")]
    auth_identity: String,
    #[serde(deserialize_with = "or_default")]
    headers: BTreeMap<String, String>,
    html: Option<String>,
    text: Option<String>,
    require_tls: Option<bool>,
    force_implicit_tls: Option<bool>,
    tls_config: Option<TlsConfig>,
    #[serde(deserialize_with = "or_default")]
    threading: Threading,
}

impl RawEmail {
    /// Checks the section and fills in what it inherits.
    pub(super) fn resolve(&self, global: &Global) -> Result<EmailConfig, String> {
        if self.to.is_empty() {
            return Err("missing to address in email config".to_owned());
        }
        let password = !self.auth_password.0.is_empty();
        let password_file = !self.auth_password_file.is_empty();
        at_most_one("auth_password", password, "auth_password_file", password_file)?;
        let secret = !self.auth_secret.0.is_empty();
        let secret_file = !self.auth_secret_file.is_empty();
        at_most_one("auth_secret", secret, "auth_secret_file", secret_file)?;
        let smarthost = self.smarthost.as_ref().or(global.smtp_smarthost.as_ref());
        let smarthost = smarthost.ok_or("no global SMTP smarthost set")?.clone();
        let from = first_set(&self.from, &global.smtp_from);
        if from.is_empty() {
            return Err("no global SMTP from set".to_owned());
        }
        let (auth_password, auth_password_file) = if password || password_file {
            (self.auth_password.clone(), self.auth_password_file.clone())
        } else {
            (
                global.smtp_auth_password.clone(),
                global.smtp_auth_password_file.clone(),
            )
        };
        let auth_username = first_set(&self.auth_username, &global.smtp_auth_username);
        let has_password = !auth_password.0.is_empty() || !auth_password_file.is_empty();
        let has_secret = secret || secret_file || global.has_smtp_secret();
        if !auth_username.is_empty() && has_secret && !has_password {
            return Err(ONLY_A_SECRET.to_owned());
        }
        let tls = self
            .tls_config
            .as_ref()
            .or(global.smtp_tls_config.as_ref())
            .cloned()
            .unwrap_or_default();
        tls.check()?;
        let force = self.force_implicit_tls.or(global.smtp_force_implicit_tls);
        let hello = self
            .hello
            .as_deref()
            .filter(|hello| !hello.is_empty())
            .or(global.smtp_hello.as_deref());
        Ok(EmailConfig {
            send_resolved: self.send_resolved.unwrap_or(false),
            to: self.to.clone(),
            headers: self.headers(&from)?,
            from,
            hello: hello.unwrap_or("localhost").to_owned(),
            implicit_tls: force.unwrap_or(smarthost.port == SUBMISSIONS_PORT),
            smarthost,
            auth_username,
            auth_password,
            auth_password_file,
            auth_identity: first_set(&self.auth_identity, &global.smtp_auth_identity),
            require_tls: self.require_tls.or(global.smtp_require_tls).unwrap_or(true),
            tls,
            html: self.html.clone().unwrap_or_else(|| DEFAULT_HTML.to_owned()),
            text: self.text.clone().unwrap_or_default(),
            threading: self.threading,
        })
    }

    fn headers(&self, from: &str) -> Result<BTreeMap<String, String>, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in &self.headers {
            let valid = |b: u8| b.is_ascii_graphic() && b != b':';
            if name.is_empty() || !name.bytes().all(valid) {
                return Err(format!("invalid header name \"{name}\" in email config"));
            }
            if headers.insert(canonical(name), value.clone()).is_some() {
                return Err(format!(
                    "duplicate header \"{}\" in email config",
                    canonical(name)
                ));
            }
        }
        for (name, default) in [("Subject", DEFAULT_SUBJECT), ("To", &self.to), ("From", from)] {
            headers
                .entry(name.to_owned())
                .or_insert_with(|| default.to_owned());
        }
        Ok(headers)
    }
}

fn first_set(one: &str, other: &str) -> String {
    if one.is_empty() {
        other.to_owned()
    } else {
        one.to_owned()
    }
}

/// `x-prIORITY` as `X-Priority`.
fn canonical(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first
            .into_iter()
            .chain(chars.map(|c| c.to_ascii_lowercase()))
            .collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}
