//! An HTTP POST of the message as JSON, version 4 of Alertmanager's format.

mod client;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use rustls::RootCertStore;

use super::templates::Templates;
use super::{Notice, SendError, read_secret};
use crate::config::{HttpConfig, WebhookConfig, check_url};
use crate::template::Mode;

/// How much of a refusal is quoted.
const MAX_QUOTED_BYTES: usize = 1024;

/// A URL and the means to reach it.
pub(super) struct Webhook {
    config: WebhookConfig,
    base: PathBuf,
    templates: Arc<Templates>,
    client: reqwest::Client,
}

impl Webhook {
    pub(super) fn new(
        config: &WebhookConfig,
        base: &Path,
        templates: Arc<Templates>,
        roots: &Arc<RootCertStore>,
    ) -> Result<Webhook, String> {
        templates.check("url", &config.url)?;
        let client = client::build(&config.http, base, roots)?;
        Ok(Webhook {
            config: config.clone(),
            base: base.to_owned(),
            templates,
            client,
        })
    }

    /// Posts the message once. Any 2xx is success; 5xx, 429 and failures of the network can be retried.
    pub(super) async fn notify(&self, notice: &Notice<'_>) -> Result<(), SendError> {
        let message = self.templates.message(notice, self.config.max_alerts);
        let body = serde_json::to_vec(&*message).map_err(|e| SendError::GiveUp(e.to_string()))?;
        let written = if self.config.url.is_empty() {
            read_secret(&self.base.join(&self.config.url_file))
                .await
                .map_err(SendError::GiveUp)?
        } else {
            self.config.url.clone()
        };
        let url = self
            .templates
            .render(&written, Mode::Text, &message)
            .map_err(SendError::GiveUp)?;
        let url = check_url(&url).map_err(SendError::GiveUp)?;
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        request = authorize(request, &self.config.http, &self.base)
            .await
            .map_err(SendError::GiveUp)?;
        for (name, value) in further_headers(&self.config.http, &self.base)
            .await
            .map_err(SendError::GiveUp)?
        {
            request = request.header(name, value);
        }
        if self.config.timeout_ms > 0 {
            request = request.timeout(Duration::from_millis(self.config.timeout_ms.unsigned_abs()));
        }
        // URLs are secrets: many receivers are reached by whoever knows theirs.
        let response = request.send().await.map_err(|e| {
            let e = e.without_url();
            if e.is_builder() {
                SendError::GiveUp(chain(&e))
            } else {
                SendError::Retry(chain(&e))
            }
        })?;
        judge(response).await
    }
}

/// An error with its causes, which reqwest's own words leave out.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

async fn judge(mut response: reqwest::Response) -> Result<(), SendError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let mut quoted = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        quoted.extend(chunk.iter().take(MAX_QUOTED_BYTES - quoted.len()));
        if quoted.len() >= MAX_QUOTED_BYTES {
            break;
        }
    }
    let quoted = String::from_utf8_lossy(&quoted);
    let message = format!("unexpected status code {}: {}", status.as_u16(), quoted.trim());
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        Err(SendError::Retry(message))
    } else {
        Err(SendError::GiveUp(message))
    }
}

/// Adds the `Authorization` header; files are read anew each time.
async fn authorize(
    request: RequestBuilder,
    http: &HttpConfig,
    base: &Path,
) -> Result<RequestBuilder, String> {
    let text = if let Some(basic) = &http.basic_auth {
        let username = either(Some(&basic.username), basic.username_file.as_deref(), base).await?;
        let password = basic.password.as_ref().map(|password| &password.0);
        let password = either(password, basic.password_file.as_deref(), base).await?;
        return Ok(request.basic_auth(username, Some(password)));
    } else if let Some(authorization) = &http.authorization {
        let credentials = authorization
            .credentials
            .as_ref()
            .map(|credentials| &credentials.0);
        let credentials = either(credentials, authorization.credentials_file.as_deref(), base).await?;
        format!(
            "{} {credentials}",
            authorization.kind.as_deref().unwrap_or("Bearer").trim()
        )
    } else if http.bearer_token.is_some() || http.bearer_token_file.is_some() {
        let token = http.bearer_token.as_ref().map(|token| &token.0);
        format!(
            "Bearer {}",
            either(token, http.bearer_token_file.as_deref(), base).await?
        )
    } else {
        return Ok(request);
    };
    Ok(request.header(AUTHORIZATION, client::secret_value(&text)?))
}

/// The content of a file where one is given, else what stands in the configuration.
async fn either(inline: Option<&String>, file: Option<&str>, base: &Path) -> Result<String, String> {
    match file {
        Some(file) => read_secret(&base.join(file)).await,
        None => Ok(inline.cloned().unwrap_or_default()),
    }
}

async fn further_headers(http: &HttpConfig, base: &Path) -> Result<Vec<(String, HeaderValue)>, String> {
    let mut headers = Vec::new();
    for (name, values) in &http.http_headers {
        let secrets = values.secrets.iter().map(|secret| &secret.0);
        for value in values.values.iter().chain(secrets) {
            headers.push((name.clone(), client::secret_value(value)?));
        }
        for file in &values.files {
            headers.push((
                name.clone(),
                client::secret_value(&read_secret(&base.join(file)).await?)?,
            ));
        }
    }
    Ok(headers)
}
