//! `kubernetes_sd_configs`, and our own `kubernetes: {annotations: true}` inside a scrape configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::HttpConfig;
use super::http::{RawAuthorization, RawBasicAuth, RawHeader, RawHttp, Secret, TlsConfig};

/// What to find in which cluster.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct KubernetesSdConfig {
    /// Whether annotated pods become targets with plain labels (`kubernetes: {annotations: true}`), rather than
    /// every port of every pod with `__meta_kubernetes_*` labels.
    pub annotations: bool,
    /// The API server; none for the cluster that this process runs in, or the environment's kubeconfig.
    pub api_server: Option<String>,
    /// A kubeconfig file to connect with.
    pub kubeconfig_file: Option<PathBuf>,
    /// Namespaces to look at; none for all.
    pub namespaces: Vec<String>,
    /// Whether the namespace of this process is looked at too.
    pub own_namespace: bool,
    /// What the API server is to filter by.
    pub selector: Selector,
    /// How to talk to `api_server`.
    pub http: HttpConfig,
}

/// Label and field selectors in Kubernetes' own syntax.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// E.g. `app=web`
    pub label: Option<String>,
    /// E.g. `status.phase=Running`
    pub field: Option<String>,
}

/// The section `kubernetes` of a scrape configuration: no role, pods only.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Raw")]
pub(super) struct AnnotatedPods(pub(super) Option<KubernetesSdConfig>);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawNamespaces {
    own_namespace: Option<bool>,
    names: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSelector {
    role: String,
    label: Option<String>,
    field: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAttach {
    node: Option<bool>,
    namespace: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    role: Option<String>,
    annotations: Option<bool>,
    api_server: Option<String>,
    kubeconfig_file: Option<PathBuf>,
    namespaces: Option<RawNamespaces>,
    selectors: Option<Vec<RawSelector>>,
    attach_metadata: Option<RawAttach>,
    basic_auth: Option<RawBasicAuth>,
    authorization: Option<RawAuthorization>,
    oauth2: Option<IgnoredAny>,
    bearer_token: Option<Secret>,
    bearer_token_file: Option<PathBuf>,
    tls_config: Option<TlsConfig>,
    follow_redirects: Option<bool>,
    enable_http2: Option<bool>,
    proxy_url: Option<String>,
    no_proxy: Option<String>,
    proxy_from_environment: Option<bool>,
    proxy_connect_header: Option<IgnoredAny>,
    http_headers: Option<BTreeMap<String, Option<RawHeader>>>,
}

impl TryFrom<Raw> for KubernetesSdConfig {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.annotations.is_some() {
            return Err("annotations belongs under \"kubernetes\" in the scrape config".to_owned());
        }
        check_role(raw.role.as_deref())?;
        build(raw, false)
    }
}

impl TryFrom<Raw> for AnnotatedPods {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        if raw.role.is_some() {
            return Err("role belongs in kubernetes_sd_configs".to_owned());
        }
        if raw.annotations != Some(true) {
            return Ok(AnnotatedPods(None));
        }
        build(raw, true).map(|config| AnnotatedPods(Some(config)))
    }
}

fn check_role(role: Option<&str>) -> Result<(), String> {
    match role {
        Some("pod") => Ok(()),
        Some(later @ ("node" | "service" | "endpoints" | "endpointslice" | "ingress")) => Err(format!(
            "Kubernetes SD role \"{later}\" is not supported yet, only \"pod\" is"
        )),
        Some(other) => Err(format!("unknown Kubernetes SD role \"{other}\"")),
        None => {
            Err("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)".to_owned())
        }
    }
}

fn build(raw: Raw, annotations: bool) -> Result<KubernetesSdConfig, String> {
    let namespaces = raw.namespaces.unwrap_or_default();
    let own_namespace = namespaces.own_namespace.unwrap_or(false);
    let api_server = raw.api_server.filter(|url| !url.is_empty());
    let attach = raw.attach_metadata.unwrap_or_default();
    if attach.node == Some(true) || attach.namespace == Some(true) {
        return Err("attach_metadata is not supported yet".to_owned());
    }
    let http = RawHttp {
        basic_auth: raw.basic_auth,
        authorization: raw.authorization,
        oauth2: raw.oauth2,
        bearer_token: raw.bearer_token,
        bearer_token_file: raw.bearer_token_file,
        tls_config: raw.tls_config,
        follow_redirects: raw.follow_redirects,
        enable_http2: raw.enable_http2,
        proxy_url: raw.proxy_url,
        no_proxy: raw.no_proxy,
        proxy_from_environment: raw.proxy_from_environment,
        proxy_connect_header: raw.proxy_connect_header,
        http_headers: raw.http_headers,
    };
    let http = http.check()?;
    let config = KubernetesSdConfig {
        annotations,
        api_server,
        kubeconfig_file: raw.kubeconfig_file.filter(|path| !path.as_os_str().is_empty()),
        namespaces: namespaces.names.unwrap_or_default(),
        own_namespace,
        selector: selector(raw.selectors.unwrap_or_default())?,
        http,
    };
    config.check()?;
    Ok(config)
}

impl KubernetesSdConfig {
    fn check(&self) -> Result<(), String> {
        let custom_http = self.http != HttpConfig::default();
        let refused = match (&self.kubeconfig_file, &self.api_server) {
            (Some(_), Some(_)) => "cannot use 'kubeconfig_file' and 'api_server' simultaneously",
            (Some(_), None) if custom_http => {
                "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"
            }
            (Some(_), None) if self.own_namespace => {
                "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously"
            }
            (None, Some(_)) if self.own_namespace => {
                "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously"
            }
            (None, None) if custom_http => {
                "to use custom HTTP client configuration please provide the 'api_server' URL explicitly"
            }
            _ => return self.check_supported(),
        };
        Err(refused.to_owned())
    }

    /// What the client library behind this cannot do is refused, not ignored.
    fn check_supported(&self) -> Result<(), String> {
        if self.http.proxy_url.is_some() || !self.http.headers.is_empty() {
            return Err("proxy_url and http_headers are not supported for Kubernetes discovery".to_owned());
        }
        Ok(())
    }
}

fn selector(raw: Vec<RawSelector>) -> Result<Selector, String> {
    let mut found: Option<Selector> = None;
    for selector in raw {
        match selector.role.as_str() {
            "pod" if found.is_some() => return Err("duplicated selector role: pod".to_owned()),
            "pod" => {}
            "node" => return Err("node selectors for the pod role are not supported yet".to_owned()),
            _ => return Err("pod role supports only pod, node selectors".to_owned()),
        }
        let text = |s: Option<String>| s.filter(|s| !s.trim().is_empty());
        let (label, field) = (text(selector.label), text(selector.field));
        if let Some(part) = field
            .iter()
            .flat_map(|f| f.split(','))
            .find(|part| !part.contains('='))
        {
            return Err(format!("invalid selector: '{part}'; can't understand '{part}'"));
        }
        found = Some(Selector { label, field });
    }
    Ok(found.unwrap_or_default())
}
