//! Receivers: a name and the ways to reach it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use yaml::{Located, YamlError, or_default};

use super::email::{EmailConfig, RawEmail};
use super::global::Global;
use super::webhook::{RawWebhook, WebhookConfig};

/// A named receiver, everything inherited filled in.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its name.
    pub name: Arc<str>,
    /// Labels to find it by; `name` is always among them.
    pub labels: BTreeMap<String, String>,
    /// How it is reached, each way on its own.
    pub integrations: Vec<Integration>,
}

/// One way to reach a receiver.
#[derive(Debug, Clone)]
pub enum Integration {
    /// An HTTP POST.
    Webhook(Box<WebhookConfig>),
    /// An e-mail.
    Email(Box<EmailConfig>),
}

impl Integration {
    /// The kind as metrics and logs name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Integration::Webhook(_) => "webhook",
            Integration::Email(_) => "email",
        }
    }

    /// Whether resolved alerts are told as well.
    pub fn send_resolved(&self) -> bool {
        match self {
            Integration::Webhook(config) => config.send_resolved,
            Integration::Email(config) => config.send_resolved,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawReceiver {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    webhook_configs: Vec<Located<RawWebhook>>,
    #[serde(deserialize_with = "or_default")]
    email_configs: Vec<Located<RawEmail>>,
    discord_configs: Option<Located<IgnoredAny>>,
    pagerduty_configs: Option<Located<IgnoredAny>>,
    slack_configs: Option<Located<IgnoredAny>>,
    opsgenie_configs: Option<Located<IgnoredAny>>,
    wechat_configs: Option<Located<IgnoredAny>>,
    pushover_configs: Option<Located<IgnoredAny>>,
    victorops_configs: Option<Located<IgnoredAny>>,
    sns_configs: Option<Located<IgnoredAny>>,
    telegram_configs: Option<Located<IgnoredAny>>,
    webex_configs: Option<Located<IgnoredAny>>,
    msteams_configs: Option<Located<IgnoredAny>>,
    msteamsv2_configs: Option<Located<IgnoredAny>>,
    jira_configs: Option<Located<IgnoredAny>>,
    rocketchat_configs: Option<Located<IgnoredAny>>,
    mattermost_configs: Option<Located<IgnoredAny>>,
    incidentio_configs: Option<Located<IgnoredAny>>,
}

impl RawReceiver {
    fn not_offered(&self) -> Option<(&'static str, &Located<IgnoredAny>)> {
        let kinds = [
            ("discord_configs", &self.discord_configs),
            ("pagerduty_configs", &self.pagerduty_configs),
            ("slack_configs", &self.slack_configs),
            ("opsgenie_configs", &self.opsgenie_configs),
            ("wechat_configs", &self.wechat_configs),
            ("pushover_configs", &self.pushover_configs),
            ("victorops_configs", &self.victorops_configs),
            ("sns_configs", &self.sns_configs),
            ("telegram_configs", &self.telegram_configs),
            ("webex_configs", &self.webex_configs),
            ("msteams_configs", &self.msteams_configs),
            ("msteamsv2_configs", &self.msteamsv2_configs),
            ("jira_configs", &self.jira_configs),
            ("rocketchat_configs", &self.rocketchat_configs),
            ("mattermost_configs", &self.mattermost_configs),
            ("incidentio_configs", &self.incidentio_configs),
        ];
        kinds
            .into_iter()
            .find_map(|(kind, present)| present.as_ref().map(|place| (kind, place)))
    }
}

/// Checks a receiver and fills in what it inherits.
pub(super) fn resolve(raw: &Located<RawReceiver>, global: &Global) -> Result<Receiver, YamlError> {
    let receiver = &raw.value;
    let mut labels = receiver.labels.clone();
    if let Some(label) = labels.insert("name".to_owned(), receiver.name.clone())
        && label != receiver.name
    {
        let message = format!(
            "receiver label \"name\" must match receiver name {:?}, got {label:?}",
            receiver.name
        );
        return Err(YamlError::at(raw, message));
    }
    let mut integrations = Vec::new();
    for config in &receiver.webhook_configs {
        let webhook = config
            .value
            .resolve(global)
            .map_err(|message| YamlError::at(config, message))?;
        integrations.push(Integration::Webhook(Box::new(webhook)));
    }
    for config in &receiver.email_configs {
        let email = config
            .value
            .resolve(global)
            .map_err(|message| YamlError::at(config, message))?;
        integrations.push(Integration::Email(Box::new(email)));
    }
    if let Some((kind, place)) = receiver.not_offered() {
        let message =
            format!("{kind} is not supported: receivers are reached by webhook_configs and email_configs");
        return Err(YamlError::at(place, message));
    }
    Ok(Receiver {
        name: Arc::from(&*receiver.name),
        labels,
        integrations,
    })
}
