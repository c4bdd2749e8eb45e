//! The `global:` section: defaults for routes and receivers.

use serde::Deserialize;
use serde::de::IgnoredAny;
use yaml::{PromDuration, or_default};

use super::email::HostPort;
use super::http::{HttpConfig, TlsConfig};
use super::text::Secret;

/// What a receiver inherits where it says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Global {
    pub(super) resolve_timeout: Option<PromDuration>,
    pub(super) http_config: Option<HttpConfig>,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_from: String,
    pub(super) smtp_hello: Option<String>,
    pub(super) smtp_smarthost: Option<HostPort>,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_username: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_password: Secret,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_password_file: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_secret: Secret,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_secret_file: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) smtp_auth_identity: String,
    pub(super) smtp_require_tls: Option<bool>,
    pub(super) smtp_tls_config: Option<TlsConfig>,
    pub(super) smtp_force_implicit_tls: Option<bool>,
    // Defaults of receivers that Masthead does not offer: read past, so that a file that serves both loads.
    #[serde(rename = "jira_api_url")]
    _jira_api_url: Option<IgnoredAny>,
    #[serde(rename = "slack_api_url")]
    _slack_api_url: Option<IgnoredAny>,
    #[serde(rename = "slack_api_url_file")]
    _slack_api_url_file: Option<IgnoredAny>,
    #[serde(rename = "slack_app_token")]
    _slack_app_token: Option<IgnoredAny>,
    #[serde(rename = "slack_app_token_file")]
    _slack_app_token_file: Option<IgnoredAny>,
    #[serde(rename = "slack_app_url")]
    _slack_app_url: Option<IgnoredAny>,
    #[serde(rename = "pagerduty_url")]
    _pagerduty_url: Option<IgnoredAny>,
    #[serde(rename = "opsgenie_api_url")]
    _opsgenie_api_url: Option<IgnoredAny>,
    #[serde(rename = "opsgenie_api_key")]
    _opsgenie_api_key: Option<IgnoredAny>,
    #[serde(rename = "opsgenie_api_key_file")]
    _opsgenie_api_key_file: Option<IgnoredAny>,
    #[serde(rename = "wechat_api_url")]
    _wechat_api_url: Option<IgnoredAny>,
    #[serde(rename = "wechat_api_secret")]
    _wechat_api_secret: Option<IgnoredAny>,
    #[serde(rename = "wechat_api_secret_file")]
    _wechat_api_secret_file: Option<IgnoredAny>,
    #[serde(rename = "wechat_api_corp_id")]
    _wechat_api_corp_id: Option<IgnoredAny>,
    #[serde(rename = "victorops_api_url")]
    _victorops_api_url: Option<IgnoredAny>,
    #[serde(rename = "victorops_api_key")]
    _victorops_api_key: Option<IgnoredAny>,
    #[serde(rename = "victorops_api_key_file")]
    _victorops_api_key_file: Option<IgnoredAny>,
    #[serde(rename = "telegram_api_url")]
    _telegram_api_url: Option<IgnoredAny>,
    #[serde(rename = "telegram_bot_token")]
    _telegram_bot_token: Option<IgnoredAny>,
    #[serde(rename = "telegram_bot_token_file")]
    _telegram_bot_token_file: Option<IgnoredAny>,
    #[serde(rename = "webex_api_url")]
    _webex_api_url: Option<IgnoredAny>,
    #[serde(rename = "rocketchat_api_url")]
    _rocketchat_api_url: Option<IgnoredAny>,
    #[serde(rename = "rocketchat_token")]
    _rocketchat_token: Option<IgnoredAny>,
    #[serde(rename = "rocketchat_token_file")]
    _rocketchat_token_file: Option<IgnoredAny>,
    #[serde(rename = "rocketchat_token_id")]
    _rocketchat_token_id: Option<IgnoredAny>,
    #[serde(rename = "rocketchat_token_id_file")]
    _rocketchat_token_id_file: Option<IgnoredAny>,
    #[serde(rename = "mattermost_webhook_url")]
    _mattermost_webhook_url: Option<IgnoredAny>,
    #[serde(rename = "mattermost_webhook_url_file")]
    _mattermost_webhook_url_file: Option<IgnoredAny>,
}

impl Global {
    /// Whether there is a secret for CRAM-MD5.
    pub(super) fn has_smtp_secret(&self) -> bool {
        !self.smtp_auth_secret.0.is_empty() || !self.smtp_auth_secret_file.is_empty()
    }
}
