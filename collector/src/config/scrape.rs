//! An element of `scrape_configs`, as it stands in the file and checked as far as it can be alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;
use yaml::{Located, PromDuration};

use super::http::{HttpConfig, RawAuthorization, RawBasicAuth, RawHeader, RawHttp, Secret, TlsConfig};
use super::kubernetes::AnnotatedPods;
use super::{
    ByteSize, Discovery, EscapingScheme, FileSdConfig, KubernetesSdConfig, RelabelConfig, ScrapeProtocol,
    StaticConfig, ValidationScheme, list,
};

/// A scrape configuration before the global defaults are applied; [`super::resolve`] does that.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Raw")]
pub struct ScrapeConfig {
    pub(super) raw: Raw,
    pub(super) http: HttpConfig,
    pub(super) discovery: Vec<Discovery>,
    pub(super) not_offered: Vec<Located<&'static str>>,
}

impl ScrapeConfig {
    /// The job's name.
    pub fn job_name(&self) -> &str {
        &self.raw.job_name
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) job_name: String,
    pub(super) honor_labels: Option<bool>,
    pub(super) honor_timestamps: Option<bool>,
    pub(super) track_timestamps_staleness: Option<bool>,
    pub(super) params: Option<BTreeMap<String, Vec<String>>>,
    pub(super) scrape_interval: Option<PromDuration>,
    pub(super) scrape_timeout: Option<PromDuration>,
    pub(super) scrape_protocols: Option<Vec<ScrapeProtocol>>,
    pub(super) fallback_scrape_protocol: Option<ScrapeProtocol>,
    pub(super) scrape_native_histograms: Option<bool>,
    pub(super) always_scrape_classic_histograms: Option<bool>,
    pub(super) convert_classic_histograms_to_nhcb: Option<bool>,
    pub(super) native_histogram_bucket_limit: Option<u64>,
    pub(super) native_histogram_min_bucket_factor: Option<f64>,
    pub(super) extra_scrape_metrics: Option<bool>,
    pub(super) scrape_failure_log_file: Option<String>,
    pub(super) metrics_path: Option<String>,
    pub(super) scheme: Option<String>,
    pub(super) enable_compression: Option<bool>,
    pub(super) body_size_limit: Option<ByteSize>,
    pub(super) sample_limit: Option<u64>,
    pub(super) target_limit: Option<u64>,
    pub(super) label_limit: Option<u64>,
    pub(super) label_name_length_limit: Option<u64>,
    pub(super) label_value_length_limit: Option<u64>,
    pub(super) keep_dropped_targets: Option<u64>,
    pub(super) metric_name_validation_scheme: Option<ValidationScheme>,
    pub(super) metric_name_escaping_scheme: Option<EscapingScheme>,
    #[serde(default, deserialize_with = "list::relabel_configs")]
    pub(super) relabel_configs: Vec<RelabelConfig>,
    #[serde(default, deserialize_with = "list::metric_relabel_configs")]
    pub(super) metric_relabel_configs: Vec<RelabelConfig>,

    #[serde(default, deserialize_with = "list::static_configs")]
    static_configs: Vec<StaticConfig>,
    file_sd_configs: Option<Vec<FileSdConfig>>,
    kubernetes_sd_configs: Option<Vec<KubernetesSdConfig>>,
    kubernetes: Option<AnnotatedPods>,

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

    aws_sd_configs: NotOffered,
    azure_sd_configs: NotOffered,
    consul_sd_configs: NotOffered,
    digitalocean_sd_configs: NotOffered,
    dns_sd_configs: NotOffered,
    docker_sd_configs: NotOffered,
    dockerswarm_sd_configs: NotOffered,
    ec2_sd_configs: NotOffered,
    eureka_sd_configs: NotOffered,
    gce_sd_configs: NotOffered,
    hetzner_sd_configs: NotOffered,
    http_sd_configs: NotOffered,
    ionos_sd_configs: NotOffered,
    kuma_sd_configs: NotOffered,
    lightsail_sd_configs: NotOffered,
    linode_sd_configs: NotOffered,
    marathon_sd_configs: NotOffered,
    nerve_sd_configs: NotOffered,
    nomad_sd_configs: NotOffered,
    oci_sd_configs: NotOffered,
    openstack_sd_configs: NotOffered,
    outscale_sd_configs: NotOffered,
    ovhcloud_sd_configs: NotOffered,
    puppetdb_sd_configs: NotOffered,
    scaleway_sd_configs: NotOffered,
    serverset_sd_configs: NotOffered,
    stackit_sd_configs: NotOffered,
    triton_sd_configs: NotOffered,
    uyuni_sd_configs: NotOffered,
    vultr_sd_configs: NotOffered,
}

/// A discovery that upstream has and this server does not: remembered with its place, so that the refusal names
/// it instead of listing every field there is.
type NotOffered = Option<Located<IgnoredAny>>;

impl Raw {
    fn not_offered(&self) -> Vec<Located<&'static str>> {
        let all: [(&'static str, &NotOffered); 30] = [
            ("aws_sd_configs", &self.aws_sd_configs),
            ("azure_sd_configs", &self.azure_sd_configs),
            ("consul_sd_configs", &self.consul_sd_configs),
            ("digitalocean_sd_configs", &self.digitalocean_sd_configs),
            ("dns_sd_configs", &self.dns_sd_configs),
            ("docker_sd_configs", &self.docker_sd_configs),
            ("dockerswarm_sd_configs", &self.dockerswarm_sd_configs),
            ("ec2_sd_configs", &self.ec2_sd_configs),
            ("eureka_sd_configs", &self.eureka_sd_configs),
            ("gce_sd_configs", &self.gce_sd_configs),
            ("hetzner_sd_configs", &self.hetzner_sd_configs),
            ("http_sd_configs", &self.http_sd_configs),
            ("ionos_sd_configs", &self.ionos_sd_configs),
            ("kuma_sd_configs", &self.kuma_sd_configs),
            ("lightsail_sd_configs", &self.lightsail_sd_configs),
            ("linode_sd_configs", &self.linode_sd_configs),
            ("marathon_sd_configs", &self.marathon_sd_configs),
            ("nerve_sd_configs", &self.nerve_sd_configs),
            ("nomad_sd_configs", &self.nomad_sd_configs),
            ("oci_sd_configs", &self.oci_sd_configs),
            ("openstack_sd_configs", &self.openstack_sd_configs),
            ("outscale_sd_configs", &self.outscale_sd_configs),
            ("ovhcloud_sd_configs", &self.ovhcloud_sd_configs),
            ("puppetdb_sd_configs", &self.puppetdb_sd_configs),
            ("scaleway_sd_configs", &self.scaleway_sd_configs),
            ("serverset_sd_configs", &self.serverset_sd_configs),
            ("stackit_sd_configs", &self.stackit_sd_configs),
            ("triton_sd_configs", &self.triton_sd_configs),
            ("uyuni_sd_configs", &self.uyuni_sd_configs),
            ("vultr_sd_configs", &self.vultr_sd_configs),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, field)| Some((name, field.as_ref()?)));
        given
            .map(|(value, at)| Located {
                value,
                referenced: at.referenced,
                defined: at.defined,
            })
            .collect()
    }

    fn take_http(&mut self) -> RawHttp {
        RawHttp {
            basic_auth: self.basic_auth.take(),
            authorization: self.authorization.take(),
            oauth2: self.oauth2.take(),
            bearer_token: self.bearer_token.take(),
            bearer_token_file: self.bearer_token_file.take(),
            tls_config: self.tls_config.take(),
            follow_redirects: self.follow_redirects,
            enable_http2: self.enable_http2,
            proxy_url: self.proxy_url.take(),
            no_proxy: self.no_proxy.take(),
            proxy_from_environment: self.proxy_from_environment,
            proxy_connect_header: self.proxy_connect_header.take(),
            http_headers: self.http_headers.take(),
        }
    }

    fn take_discovery(&mut self) -> Vec<Discovery> {
        let fixed = std::mem::take(&mut self.static_configs);
        let fixed = (!fixed.is_empty()).then_some(Discovery::Static(fixed));
        let files = self
            .file_sd_configs
            .take()
            .unwrap_or_default()
            .into_iter()
            .map(Discovery::File);
        let annotated = self.kubernetes.take().and_then(|pods| pods.0);
        let pods = self
            .kubernetes_sd_configs
            .take()
            .unwrap_or_default()
            .into_iter()
            .chain(annotated);
        let pods = pods.map(|config| Discovery::Kubernetes(Box::new(config)));
        fixed.into_iter().chain(files).chain(pods).collect()
    }

    /// A URL in a target list is the commonest mistake; with relabel rules it may be meant.
    fn check_static_targets(&self) -> Result<(), String> {
        if !self.relabel_configs.is_empty() {
            return Ok(());
        }
        let mut targets = self.static_configs.iter().flat_map(|group| &group.targets);
        targets.try_for_each(|target| crate::target::check_address(target))
    }
}

impl TryFrom<Raw> for ScrapeConfig {
    type Error = String;

    fn try_from(mut raw: Raw) -> Result<Self, String> {
        if raw.job_name.is_empty() {
            return Err("job_name is empty".to_owned());
        }
        raw.check_static_targets()?;
        super::job::check_protocols(raw.scrape_protocols.as_deref())
            .map_err(|e| format!("{e} for scrape config with job name \"{}\"", raw.job_name))?;
        if raw
            .scheme
            .as_deref()
            .is_some_and(|scheme| !matches!(scheme, "http" | "https"))
        {
            return Err("scheme must be 'http' or 'https'".to_owned());
        }
        let http = raw.take_http().check()?;
        Ok(ScrapeConfig {
            http,
            discovery: raw.take_discovery(),
            not_offered: raw.not_offered(),
            raw,
        })
    }
}
