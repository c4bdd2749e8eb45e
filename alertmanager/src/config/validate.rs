//! What the sections of a configuration mean together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use yaml::{Located, YamlError};

use super::http::at_most_one;
use super::receiver::{self, Receiver};
use super::route::RawRoute;
use super::time_interval::RawNamed;
use super::{Config, RawConfig, global::Global, millis_or};
use crate::mute::TimeInterval;
use crate::route::{RouteOptions, Tree, TreeBuilder};

/// How long an alert without an end fires after it was last heard of.
const DEFAULT_RESOLVE_TIMEOUT_MS: i64 = 5 * 60_000;

/// Checks the document and fills in every default.
pub(super) fn resolve(raw: RawConfig, base_dir: &Path) -> Result<Config, YamlError> {
    for (section, name) in [(&raw.tracing, "tracing"), (&raw.event_recorder, "event_recorder")] {
        if let Some(place) = section {
            return Err(YamlError::at(place, format!("{name} is not supported")));
        }
    }
    check_global(&raw.global)?;
    check_receiver_names(&raw)?;
    check_interval_names(&raw)?;
    if let Some(root) = &raw.route {
        root.value.check()?;
    }
    let inhibit_rules = raw
        .inhibit_rules
        .iter()
        .map(super::inhibit::RawInhibitRule::resolve);
    let inhibit_rules = inhibit_rules.collect::<Result<Vec<_>, _>>()?;
    let routes = tree(&raw)?;
    let receivers = receivers(&raw)?;
    Ok(Config {
        resolve_timeout_ms: millis_or(raw.global.resolve_timeout, DEFAULT_RESOLVE_TIMEOUT_MS),
        routes: Arc::new(routes),
        inhibit_rules,
        receivers,
        time_intervals: intervals(raw.mute_time_intervals.into_iter().chain(raw.time_intervals)),
        templates: raw.templates,
        base_dir: base_dir.to_owned(),
    })
}

fn check_global(global: &Global) -> Result<(), YamlError> {
    let password = !global.smtp_auth_password.0.is_empty();
    let password_file = !global.smtp_auth_password_file.is_empty();
    let secret = !global.smtp_auth_secret.0.is_empty();
    let secret_file = !global.smtp_auth_secret_file.is_empty();
    at_most_one(
        "smtp_auth_password",
        password,
        "smtp_auth_password_file",
        password_file,
    )
    .and_then(|()| at_most_one("smtp_auth_secret", secret, "smtp_auth_secret_file", secret_file))
    .and_then(|()| {
        global
            .http_config
            .as_ref()
            .map_or(Ok(()), super::HttpConfig::check)
    })
    .and_then(|()| {
        global
            .smtp_tls_config
            .as_ref()
            .map_or(Ok(()), super::TlsConfig::check)
    })
    .map_err(YamlError::general)
}

fn check_receiver_names(raw: &RawConfig) -> Result<(), YamlError> {
    let mut names = BTreeSet::new();
    for receiver in &raw.receivers {
        let name = &receiver.value.name;
        if name.is_empty() {
            return Err(YamlError::at(receiver, "missing name in receiver"));
        }
        if !names.insert(name) {
            return Err(YamlError::at(
                receiver,
                format!("notification config name \"{name}\" is not unique"),
            ));
        }
    }
    Ok(())
}

fn check_interval_names(raw: &RawConfig) -> Result<(), YamlError> {
    let mut names = BTreeSet::new();
    let older = raw
        .mute_time_intervals
        .iter()
        .map(|named| (named, "mute time interval"));
    for (named, kind) in older.chain(raw.time_intervals.iter().map(|named| (named, "time interval"))) {
        let Some(name) = named.name.as_ref().filter(|name| !name.value.is_empty()) else {
            return Err(YamlError::general(format!("missing name in {kind}")));
        };
        if !names.insert(&name.value) {
            return Err(YamlError::at(
                name,
                format!("{kind} \"{}\" is not unique", name.value),
            ));
        }
    }
    Ok(())
}

fn tree(raw: &RawConfig) -> Result<Tree, YamlError> {
    let root = raw
        .route
        .as_ref()
        .ok_or_else(|| YamlError::general("no routes provided"))?;
    if root
        .value
        .receiver
        .as_ref()
        .is_none_or(|name| name.value.is_empty())
    {
        return Err(YamlError::at(root, "root route must specify a default receiver"));
    }
    for (wrong, message) in [
        (root.value.has_matchers(), "root route must not have any matchers"),
        (
            !root.value.mute_time_intervals.is_empty(),
            "root route must not have any mute time intervals",
        ),
        (
            !root.value.active_time_intervals.is_empty(),
            "root route must not have any active time intervals",
        ),
        (root.value.continues, "cannot have continue in root route"),
    ] {
        if wrong {
            return Err(YamlError::at(root, message));
        }
    }
    let receivers = raw
        .receivers
        .iter()
        .map(|receiver| &*receiver.value.name)
        .collect();
    let named = raw.mute_time_intervals.iter().chain(&raw.time_intervals);
    let intervals = named
        .filter_map(|named| named.name.as_ref().map(|name| &*name.value))
        .collect();
    check_references(&root.value, &receivers, &intervals)?;
    let mut tree = TreeBuilder::default();
    root.value.build(None, &RouteOptions::default(), &mut tree)?;
    Ok(tree.build())
}

fn check_references(
    route: &RawRoute,
    receivers: &BTreeSet<&str>,
    intervals: &BTreeSet<&str>,
) -> Result<(), YamlError> {
    route
        .routes
        .iter()
        .try_for_each(|child| check_references(&child.value, receivers, intervals))?;
    let undefined = |at: &Located<String>, what: &str| {
        Err(YamlError::at(
            at,
            format!("undefined {what} \"{}\" used in route", at.value),
        ))
    };
    if let Some(name) = route.receiver.as_ref().filter(|name| !name.value.is_empty())
        && !receivers.contains(&*name.value)
    {
        return undefined(name, "receiver");
    }
    let named = route
        .active_time_intervals
        .iter()
        .chain(&route.mute_time_intervals);
    match named.into_iter().find(|name| !intervals.contains(&*name.value)) {
        Some(name) => undefined(name, "time interval"),
        None => Ok(()),
    }
}

fn receivers(raw: &RawConfig) -> Result<BTreeMap<Arc<str>, Receiver>, YamlError> {
    let resolved = raw.receivers.iter().map(|receiver| {
        let receiver = receiver::resolve(receiver, &raw.global)?;
        Ok((receiver.name.clone(), receiver))
    });
    resolved.collect()
}

fn intervals(named: impl Iterator<Item = RawNamed>) -> BTreeMap<String, Vec<TimeInterval>> {
    let with_name = named.filter_map(|mut named| Some((named.name.take()?.value, named.intervals())));
    with_name.collect()
}
