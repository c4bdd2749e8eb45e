//! Reads the configuration with every file it names, and checks all of it before anything takes effect.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alertmanager::config::Config as NotificationConfig;
use alertmanager::notify::Notifiers;
use alertmanager::rules::{self, RuleFile, Syntax};
use collector::config::{Located, ScrapeConfig, ScrapeJob};
use model::{Clock, SystemClock};
use promql::ParserOptions;
use serde::Deserialize;
use yaml::YamlError;

use super::{ConfigFile, Source};

/// A configuration with all it names, checked.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The text of the main file, for `/api/v1/status/config`.
    pub text: String,
    /// The main file.
    pub file: ConfigFile,
    /// What is scraped, with all defaults applied.
    pub jobs: Vec<ScrapeJob>,
    /// The rules of all files.
    pub rules: Vec<RuleFile>,
    /// Where notifications go, if the file says so.
    pub notifications: Option<NotificationConfig>,
    /// Retentions of some series.
    pub retention_rules: Vec<tsdb::RetentionRule>,
    /// What has no effect, a sentence each with its place.
    pub warnings: Vec<String>,
    /// What relative paths are relative to.
    pub folder: PathBuf,
}

/// All that is wrong with a configuration: a line each, with file, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    fn at(file: &str, error: &YamlError) -> ConfigError {
        ConfigError(vec![format!("{file}: {error}")])
    }
}

/// A file named by `scrape_config_files`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScrapeConfigFile {
    #[serde(deserialize_with = "collector::config::scrape_configs")]
    scrape_configs: Vec<Located<ScrapeConfig>>,
}

impl Loaded {
    /// Checks what the configuration names outside of itself: certificates and keys of scrape jobs, templates.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(crate) fn check_files(&self, name: &str) -> Result<(), ConfigError> {
        let wrong = |why: String| ConfigError(vec![format!("{name}: {why}")]);
        collector::scrape::check(&self.jobs, &self.folder).map_err(|e| wrong(e.to_string()))?;
        let Some(config) = &self.notifications else {
            return Ok(());
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Notifiers::build(config, "", &clock)
            .map(drop)
            .map_err(|e| wrong(e.to_string()))
    }

    /// Reads and checks everything; queries of rules are in `language`.
    ///
    /// # Errors
    /// All that is wrong, across all files.
    pub(crate) fn load(source: &Source, language: ParserOptions) -> Result<Loaded, ConfigError> {
        let name = source.name();
        let text = source
            .text()
            .map_err(|e| ConfigError(vec![format!("{name}: {e}")]))?;
        let file: Option<ConfigFile> = yaml::from_str(&text).map_err(|e| ConfigError::at(&name, &e))?;
        let file = file.unwrap_or_default();
        let folder = source.folder();
        let mut warnings: Vec<String> = file
            .without_effect()
            .into_iter()
            .map(|(line, what)| format!("{name}: line {line}: {what}"))
            .collect();
        let mut errors = Vec::new();
        let mut keep = |result: Result<(), ConfigError>| {
            if let Err(ConfigError(more)) = result {
                errors.extend(more);
            }
        };

        let mut jobs = Vec::new();
        keep(scrape_jobs(&file, &name, &folder, &mut warnings).map(|found| jobs = found));
        let mut rules = Vec::new();
        keep(rule_files(&file, source, (&folder, language), &mut warnings).map(|found| rules = found));
        let mut notifications = None;
        keep(notification_config(&file, &folder).map(|found| notifications = found));
        let mut retention_rules = Vec::new();
        keep(self::retention_rules(&file, &name).map(|found| retention_rules = found));
        if errors.is_empty() {
            Ok(Loaded {
                retention_rules,
                text,
                file,
                jobs,
                rules,
                notifications,
                warnings,
                folder,
            })
        } else {
            Err(ConfigError(errors))
        }
    }
}

fn scrape_jobs(
    file: &ConfigFile,
    name: &str,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Vec<ScrapeJob>, ConfigError> {
    let mut resolve = |name: &str, configs: &[Located<ScrapeConfig>]| {
        let found =
            collector::config::resolve(&file.global, configs).map_err(|e| ConfigError::at(name, &e))?;
        warnings.extend(found.warnings.iter().map(|w| format!("{name}: {w}")));
        Ok(found.jobs)
    };
    let mut jobs = resolve(name, &file.scrape_configs)?;
    for pattern in &file.scrape_config_files {
        for path in matching(folder, &pattern.value)? {
            let name = path.display().to_string();
            let text = read(&path)?;
            let more: Option<ScrapeConfigFile> =
                yaml::from_str(&text).map_err(|e| ConfigError::at(&name, &e))?;
            jobs.extend(resolve(&name, &more.unwrap_or_default().scrape_configs)?);
        }
    }
    let mut names = std::collections::BTreeSet::new();
    match jobs.iter().find(|job| !names.insert(job.job_name.clone())) {
        Some(twice) => {
            let why = format!("found multiple scrape configs with job name {:?}", twice.job_name);
            Err(ConfigError(vec![format!("{name}: {why}")]))
        }
        None => Ok(jobs),
    }
}

fn rule_files(
    file: &ConfigFile,
    source: &Source,
    (folder, language): (&Path, ParserOptions),
    warnings: &mut Vec<String>,
) -> Result<Vec<RuleFile>, ConfigError> {
    let syntax = Syntax {
        language,
        ..Syntax::default()
    };
    let mut found = Vec::new();
    let mut errors = Vec::new();
    let mut keep = |result: Result<RuleFile, Vec<rules::RuleError>>| match result {
        Ok(file) => found.push(file),
        Err(wrong) => errors.extend(wrong.iter().map(ToString::to_string)),
    };
    if let Some((name, text)) = source.embedded_rules() {
        keep(rules::parse(name, text, syntax));
    }
    for pattern in &file.rule_files {
        let paths = matching(folder, &pattern.value)?;
        if paths.is_empty() {
            let (line, pattern) = (pattern.referenced.line(), &pattern.value);
            warnings.push(format!(
                "{}: line {line}: no file matches {pattern:?}",
                source.name()
            ));
        }
        for path in paths {
            keep(rules::load(&path, syntax));
        }
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(ConfigError(errors))
    }
}

fn retention_rules(file: &ConfigFile, name: &str) -> Result<Vec<tsdb::RetentionRule>, ConfigError> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for rule in &file.storage.tsdb.retention_rules {
        let line = rule.referenced.line();
        match api::prometheus::params::parse_selector("match", &rule.value.selector) {
            Ok(matchers) => found.push(tsdb::RetentionRule {
                matchers,
                retention_ms: Some(rule.value.time.as_millis()).filter(|ms| *ms > 0),
            }),
            Err(e) => errors.push(format!(
                "{name}: line {line}: storage.tsdb.retention_rules: {}",
                e.message
            )),
        }
    }
    match errors.is_empty() {
        true => Ok(found),
        false => Err(ConfigError(errors)),
    }
}

fn notification_config(file: &ConfigFile, folder: &Path) -> Result<Option<NotificationConfig>, ConfigError> {
    let Some(named) = &file.notifications.file else {
        return Ok(None);
    };
    let path = folder.join(&named.value);
    let wrong = |e: alertmanager::config::ConfigError| match e {
        alertmanager::config::ConfigError::Invalid(e) => ConfigError::at(&path.display().to_string(), &e),
        read => ConfigError(vec![read.to_string()]),
    };
    NotificationConfig::load(&path).map(Some).map_err(wrong)
}

/// The files that match a pattern, sorted. A plain path that does not exist matches nothing, as in Prometheus.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, ConfigError> {
    let whole = folder.join(pattern);
    let bad = |why: String| ConfigError(vec![format!("{pattern}: {why}")]);
    let paths = glob::glob(&whole.to_string_lossy()).map_err(|e| bad(e.to_string()))?;
    paths.map(|path| path.map_err(|e| bad(e.to_string()))).collect()
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|e| ConfigError(vec![format!("{}: {e}", path.display())]))
}

#[cfg(test)]
mod tests;
