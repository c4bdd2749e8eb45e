//! A target: from the labels that discovery found to the labels and the URL that a scrape uses.
//!
//! A function of data, run once for each discovered target whenever its group changes. The order of steps is
//! upstream's: defaults, relabelling, address check, removal of `__meta_*`, `instance`.

use std::time::Duration;

use model::promtime::{format_duration, parse_duration};
use model::{Labels, LabelsBuilder};
use url::Url;

use crate::config::ScrapeJob;
use crate::relabel;

/// Something to scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What discovery found, with the job's defaults, before relabelling.
    pub discovered_labels: Labels,
    /// The labels that every sample gets: those that do not begin with `__`.
    pub labels: Labels,
    /// Where to fetch.
    pub url: Url,
    /// How often; `__scrape_interval__`.
    pub interval: Duration,
    /// How long at most; `__scrape_timeout__`.
    pub timeout: Duration,
}

/// What became of a discovered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Populated {
    /// It is scraped.
    Target(Box<Target>),
    /// A relabel rule dropped it.
    Dropped(Labels),
    /// It cannot be scraped, for this reason.
    Invalid(Labels, String),
}

impl Target {
    /// What makes a target the same one: its labels and its URL.
    pub fn key(&self) -> TargetKey {
        TargetKey {
            labels: self.labels.clone(),
            url: self.url.as_str().into(),
        }
    }
}

/// The identity of a target within its job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetKey {
    labels: Labels,
    url: Box<str>,
}

impl TargetKey {
    /// A hash that decides where within the interval the target is scraped.
    pub fn hash64(&self) -> u64 {
        self.labels.hash64() ^ xxhash_rust::xxh3::xxh3_64(self.url.as_bytes())
    }
}

/// Makes a target of discovered labels.
pub fn populate(job: &ScrapeJob, mut labels: LabelsBuilder) -> Populated {
    set_defaults(job, &mut labels);
    let discovered = labels.build();
    if !relabel::process_builder(&job.relabel_configs, &mut labels) {
        return Populated::Dropped(discovered);
    }
    match finish(job, &mut labels, &discovered) {
        Ok(target) => Populated::Target(Box::new(target)),
        Err(reason) => Populated::Invalid(discovered, reason),
    }
}

/// Refuses a URL where `host:port` belongs.
pub(crate) fn check_address(address: &str) -> Result<(), String> {
    match address.contains('/') {
        true => Err(format!("\"{address}\" is not a valid hostname")),
        false => Ok(()),
    }
}

fn set_defaults(job: &ScrapeJob, labels: &mut LabelsBuilder) {
    let mut default = |name: &str, value: &str| {
        if labels.get(name).is_none() {
            labels.set(name, value);
        }
    };
    default("job", &job.job_name);
    default("__scrape_interval__", &format_duration(job.scrape_interval.0));
    default("__scrape_timeout__", &format_duration(job.scrape_timeout.0));
    default("__metrics_path__", &job.metrics_path);
    default("__scheme__", &job.scheme);
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            labels.set(&format!("__param_{name}"), first);
        }
    }
}

fn finish(job: &ScrapeJob, labels: &mut LabelsBuilder, discovered: &Labels) -> Result<Target, String> {
    let address = labels.get("__address__").ok_or("no address")?.to_owned();
    check_address(&address)?;
    let interval = duration(labels, "__scrape_interval__", "scrape interval")?;
    let timeout = duration(labels, "__scrape_timeout__", "scrape timeout")?;
    if timeout > interval {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval (\"{}\" > \"{}\")",
            format_duration(timeout),
            format_duration(interval)
        ));
    }
    let url = url(job, labels, &address)?;
    if labels.get("instance").is_none() {
        labels.set("instance", &address);
    }
    let labels = labels.build().filtered(|name| !name.starts_with("__"));
    Ok(Target {
        discovered_labels: discovered.clone(),
        labels,
        url,
        interval,
        timeout,
    })
}

fn duration(labels: &LabelsBuilder, name: &str, what: &str) -> Result<Duration, String> {
    let text = labels.get(name).unwrap_or("");
    let parsed = parse_duration(text).map_err(|e| format!("error parsing {what}: {e}"))?;
    if parsed.is_zero() {
        Err(format!("{what} cannot be 0"))
    } else {
        Ok(parsed)
    }
}

fn url(job: &ScrapeJob, labels: &LabelsBuilder, address: &str) -> Result<Url, String> {
    let scheme = labels.get("__scheme__").unwrap_or("http");
    if !matches!(scheme, "http" | "https") {
        return Err(format!("invalid scheme \"{scheme}\""));
    }
    let bad = |e: url::ParseError| format!("\"{address}\" is not a valid hostname: {e}");
    let mut url = Url::parse(&format!("{scheme}://{address}")).map_err(bad)?;
    url.set_path(labels.get("__metrics_path__").unwrap_or(""));
    let overridden = |name: &str| labels.get(&format!("__param_{name}")).map(str::to_owned);
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, values) in &job.params {
        let first = overridden(name).or_else(|| values.first().cloned());
        let rest = values.iter().skip(1).cloned();
        pairs.extend(first.into_iter().chain(rest).map(|value| (name.clone(), value)));
    }
    let by_label = labels
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("__param_")?, value)));
    let by_label = by_label.filter(|(name, _)| !job.params.contains_key(*name));
    pairs.extend(by_label.map(|(name, value)| (name.to_owned(), value.to_owned())));
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
