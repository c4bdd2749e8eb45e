//! An e-mail by way of an SMTP server (RFC 5321), with STARTTLS (RFC 3207), TLS from the start (RFC 8314) and
//! authentication by PLAIN or LOGIN (RFC 4954).
//!
//! One connection a message. The SMTP library's own timeout ends with the connection, so the whole exchange is
//! bounded here.

mod message;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, Identity, Tls, TlsParameters, TlsVersion as SmtpTlsVersion,
};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use model::Clock;

use super::templates::Templates;
use super::{Notice, SendError, read_secret, tls};
use crate::config::{EmailConfig, TlsVersion};

/// How long the whole exchange with the server may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Recipients and the server they are reached by.
pub(super) struct Email {
    config: EmailConfig,
    base: PathBuf,
    templates: Arc<Templates>,
    clock: Arc<dyn Clock>,
    tls: Tls,
}

impl Email {
    pub(super) fn new(
        config: &EmailConfig,
        base: &Path,
        templates: Arc<Templates>,
        clock: Arc<dyn Clock>,
    ) -> Result<Email, String> {
        let fields = [
            ("to", &config.to),
            ("from", &config.from),
            ("html", &config.html),
            ("text", &config.text),
        ];
        for (name, text) in fields {
            templates.check(name, text)?;
        }
        for (name, text) in &config.headers {
            templates.check(&format!("header {name}"), text)?;
        }
        if !config.auth_identity.is_empty() && config.auth_identity != config.auth_username {
            return Err("an auth_identity other than auth_username is not supported".to_owned());
        }
        Ok(Email {
            config: config.clone(),
            base: base.to_owned(),
            templates,
            clock,
            tls: tls(config, base)?,
        })
    }

    /// Sends the message once. What the server refuses for good is given up until the group's next turn.
    pub(super) async fn notify(&self, notice: &Notice<'_>) -> Result<(), SendError> {
        let data = self.templates.message(notice, 0);
        let mail = message::build(&self.config, &self.templates, &data, notice, self.clock.now_ms())
            .map_err(SendError::GiveUp)?;
        let transport = self.transport().await.map_err(SendError::GiveUp)?;
        match tokio::time::timeout(SEND_TIMEOUT, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(SendError::GiveUp(explain(&error))),
            Ok(Err(error)) => Err(SendError::Retry(explain(&error))),
            Err(_) => Err(SendError::Retry(format!(
                "no answer from {} in time",
                self.config.smarthost
            ))),
        }
    }

    async fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let config = &self.config;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.smarthost.host)
            .port(config.smarthost.port)
            .hello_name(ClientId::Domain(config.hello.clone()))
            .tls(self.tls.clone())
            .timeout(Some(CONNECT_TIMEOUT));
        if !config.auth_username.is_empty() {
            let password = if config.auth_password_file.is_empty() {
                config.auth_password.0.clone()
            } else {
                read_secret(&self.base.join(&config.auth_password_file)).await?
            };
            if password.is_empty() {
                return Err("auth_username is set but no password".to_owned());
            }
            builder = builder
                .credentials(Credentials::new(config.auth_username.clone(), password))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(builder.build())
    }
}

fn explain(error: &lettre::transport::smtp::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn tls(config: &EmailConfig, base: &Path) -> Result<Tls, String> {
    if !config.implicit_tls && !config.require_tls {
        return Ok(Tls::None);
    }
    let bad = |what: &str, e: lettre::transport::smtp::Error| format!("tls_config: {what}: {}", explain(&e));
    let name = config
        .tls
        .server_name
        .as_deref()
        .unwrap_or(&config.smarthost.host);
    let mut builder = TlsParameters::builder(name.to_owned())
        .dangerous_accept_invalid_certs(config.tls.insecure_skip_verify)
        .dangerous_accept_invalid_hostnames(config.tls.insecure_skip_verify);
    if config.tls.min_version == Some(TlsVersion::Tls13) {
        builder = builder.set_min_tls_version(SmtpTlsVersion::Tlsv13);
    }
    if let Some(pem) = tls::authorities(&config.tls, base)? {
        let authority = Certificate::from_pem(&pem).map_err(|e| bad("ca", e))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authority);
    }
    if let Some(tls::Identity { cert, key }) = tls::identity(&config.tls, base)? {
        builder = builder.identify_with(Identity::from_pem(&cert, &key).map_err(|e| bad("cert", e))?);
    }
    let parameters = builder.build_rustls().map_err(|e| bad("settings", e))?;
    Ok(if config.implicit_tls {
        Tls::Wrapper(parameters)
    } else {
        Tls::Required(parameters)
    })
}
