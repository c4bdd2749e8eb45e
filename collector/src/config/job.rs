//! A job as it runs: a scrape configuration with the global defaults applied.

use std::collections::BTreeMap;

use yaml::{Located, PromDuration, YamlError};

use super::{
    Discovery, EscapingScheme, GlobalConfig, HttpConfig, RelabelConfig, ScrapeConfig, ScrapeProtocol,
    ValidationScheme,
};

/// Bounds on one scrape; 0 stands for none. A scrape that exceeds one fails whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Decompressed bytes.
    pub body_size: u64,
    /// Samples left after metric relabelling.
    pub samples: u64,
    /// Labels of a series, name included.
    pub labels: u64,
    /// Bytes of a label's name.
    pub label_name_length: u64,
    /// Bytes of a label's value.
    pub label_value_length: u64,
}

/// Everything about one job, nothing left to look up elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeJob {
    /// Unique among the jobs.
    pub job_name: String,
    /// Whether the scraped labels win over the target's.
    pub honor_labels: bool,
    /// Whether scraped timestamps are kept.
    pub honor_timestamps: bool,
    /// Whether series with scraped timestamps get staleness markers too.
    pub track_timestamps_staleness: bool,
    /// URL parameters.
    pub params: BTreeMap<String, Vec<String>>,
    /// How often.
    pub scrape_interval: PromDuration,
    /// How long at most.
    pub scrape_timeout: PromDuration,
    /// What to ask for, the dearest first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// What an answer without a usable content type is taken for.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Which names are taken.
    pub validation_scheme: ValidationScheme,
    /// How foreign names are to be spelt.
    pub escaping_scheme: EscapingScheme,
    /// Whether `scrape_timeout_seconds` and its kin are written.
    pub extra_scrape_metrics: bool,
    /// Path of the URL.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Whether gzip is asked for.
    pub enable_compression: bool,
    /// Bounds on one scrape.
    pub limits: Limits,
    /// At most so many targets; 0 for any number.
    pub target_limit: u64,
    /// How many dropped targets are remembered; 0 for the built-in bound.
    pub keep_dropped_targets: u64,
    /// How to connect.
    pub http: HttpConfig,
    /// Where the targets come from.
    pub discovery: Vec<Discovery>,
    /// Rules over targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules over scraped series.
    pub metric_relabel_configs: Vec<RelabelConfig>,
}

/// What [`resolve`] gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resolved {
    /// The jobs, in the order of the file.
    pub jobs: Vec<ScrapeJob>,
    /// What is known and has no effect here, to be logged or shown by a check.
    pub warnings: Vec<YamlError>,
}

/// Applies the global defaults and checks what concerns more than one section.
///
/// # Errors
/// A job name occurs twice, a timeout exceeds its interval, or a discovery is asked for that is not offered.
pub fn resolve(global: &GlobalConfig, configs: &[Located<ScrapeConfig>]) -> Result<Resolved, YamlError> {
    let mut resolved = Resolved::default();
    let mut names = std::collections::BTreeSet::new();
    for config in configs {
        let refuse = |message: String| YamlError::at(config, message);
        let name = config.value.job_name();
        if !names.insert(name) {
            return Err(refuse(format!(
                "found multiple scrape configs with job name \"{name}\""
            )));
        }
        if let Some(first) = config.value.not_offered.first() {
            let message = format!("{} is not supported (job \"{name}\")", first.value);
            return Err(YamlError::at(first, message));
        }
        resolved.jobs.push(job(global, &config.value).map_err(refuse)?);
        let warnings = warnings(global, &config.value).into_iter().map(refuse);
        resolved.warnings.extend(warnings);
    }
    Ok(resolved)
}

/// A protocol may stand once only.
pub(super) fn check_protocols(protocols: Option<&[ScrapeProtocol]>) -> Result<(), String> {
    let Some(protocols) = protocols else { return Ok(()) };
    if protocols.is_empty() {
        return Err("scrape_protocols cannot be empty".to_owned());
    }
    let twice = protocols
        .iter()
        .enumerate()
        .any(|(i, p)| protocols.iter().take(i).any(|q| q == p));
    if twice {
        Err("duplicated protocol in scrape_protocols".to_owned())
    } else {
        Ok(())
    }
}

fn times(global: &GlobalConfig, config: &ScrapeConfig) -> Result<(PromDuration, PromDuration), String> {
    let given = |d: Option<PromDuration>| d.filter(|d| !d.0.is_zero());
    let interval = given(config.raw.scrape_interval).unwrap_or(global.scrape_interval);
    let timeout = given(config.raw.scrape_timeout);
    if timeout.is_some_and(|timeout| timeout > interval) {
        let name = config.job_name();
        return Err(format!(
            "scrape timeout greater than scrape interval for scrape config with job name \"{name}\""
        ));
    }
    Ok((interval, timeout.unwrap_or(global.scrape_timeout.min(interval))))
}

fn job(global: &GlobalConfig, config: &ScrapeConfig) -> Result<ScrapeJob, String> {
    let (raw, all) = (&config.raw, &global.raw);
    let (scrape_interval, scrape_timeout) = times(global, config)?;
    let either = |own: Option<u64>, global: Option<u64>| own.filter(|n| *n > 0).or(global).unwrap_or(0);
    let validation_scheme = raw
        .metric_name_validation_scheme
        .or(all.metric_name_validation_scheme)
        .unwrap_or_default();
    let escaping_scheme = raw
        .metric_name_escaping_scheme
        .or(all.metric_name_escaping_scheme);
    if validation_scheme == ValidationScheme::Legacy && escaping_scheme == Some(EscapingScheme::AllowUtf8) {
        return Err("utf8 metric names requested but validation scheme is not set to UTF8".to_owned());
    }
    let body = |size: Option<super::ByteSize>| size.map(|size| size.0);
    let limits = Limits {
        body_size: either(body(raw.body_size_limit), body(all.body_size_limit)),
        samples: either(raw.sample_limit, all.sample_limit),
        labels: either(raw.label_limit, all.label_limit),
        label_name_length: either(raw.label_name_length_limit, all.label_name_length_limit),
        label_value_length: either(raw.label_value_length_limit, all.label_value_length_limit),
    };
    let protocols = raw.scrape_protocols.as_ref().or(all.scrape_protocols.as_ref());
    Ok(ScrapeJob {
        job_name: raw.job_name.clone(),
        honor_labels: raw.honor_labels.unwrap_or(false),
        honor_timestamps: raw.honor_timestamps.unwrap_or(true),
        track_timestamps_staleness: raw.track_timestamps_staleness.unwrap_or(false),
        params: raw.params.clone().unwrap_or_default(),
        scrape_interval,
        scrape_timeout,
        scrape_protocols: protocols
            .cloned()
            .unwrap_or_else(|| ScrapeProtocol::DEFAULTS.to_vec()),
        fallback_scrape_protocol: raw.fallback_scrape_protocol,
        validation_scheme,
        escaping_scheme: escaping_scheme.unwrap_or(match validation_scheme {
            ValidationScheme::Utf8 => EscapingScheme::AllowUtf8,
            ValidationScheme::Legacy => EscapingScheme::Underscores,
        }),
        extra_scrape_metrics: raw
            .extra_scrape_metrics
            .or(all.extra_scrape_metrics)
            .unwrap_or(false),
        metrics_path: raw.metrics_path.clone().unwrap_or_else(|| "/metrics".to_owned()),
        scheme: raw.scheme.clone().unwrap_or_else(|| "http".to_owned()),
        enable_compression: raw.enable_compression.unwrap_or(true),
        limits,
        target_limit: either(raw.target_limit, all.target_limit),
        keep_dropped_targets: either(raw.keep_dropped_targets, all.keep_dropped_targets),
        http: config.http.clone(),
        discovery: config.discovery.clone(),
        relabel_configs: raw.relabel_configs.clone(),
        metric_relabel_configs: raw.metric_relabel_configs.clone(),
    })
}

/// Native histograms travel by protobuf alone, which is never asked for; so their settings change nothing.
fn warnings(global: &GlobalConfig, config: &ScrapeConfig) -> Vec<String> {
    let (raw, all) = (&config.raw, &global.raw);
    let on = |own: Option<bool>, global: Option<bool>| own.or(global) == Some(true);
    let checks = [
        (
            "scrape_native_histograms",
            on(raw.scrape_native_histograms, all.scrape_native_histograms),
        ),
        (
            "always_scrape_classic_histograms",
            on(
                raw.always_scrape_classic_histograms,
                all.always_scrape_classic_histograms,
            ),
        ),
        (
            "convert_classic_histograms_to_nhcb",
            on(
                raw.convert_classic_histograms_to_nhcb,
                all.convert_classic_histograms_to_nhcb,
            ),
        ),
        (
            "native_histogram_bucket_limit",
            raw.native_histogram_bucket_limit.is_some(),
        ),
        (
            "native_histogram_min_bucket_factor",
            raw.native_histogram_min_bucket_factor.is_some(),
        ),
        (
            "scrape_failure_log_file",
            raw.scrape_failure_log_file.is_some() || all.scrape_failure_log_file.is_some(),
        ),
        (
            "the scrape protocol PrometheusProto",
            raw.scrape_protocols
                .iter()
                .flatten()
                .any(|p| *p == ScrapeProtocol::PrometheusProto),
        ),
    ];
    let name = config.job_name();
    let set = checks.into_iter().filter(|(_, set)| *set);
    set.map(|(field, _)| format!("{field} is not supported yet and has no effect (job \"{name}\")"))
        .collect()
}
