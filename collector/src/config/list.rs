//! Lists in which a null element is an error with upstream's words, and keys whose null means something.

use serde::{Deserialize, Deserializer, de};
use yaml::Located;

use super::{RelabelConfig, ScrapeConfig, StaticConfig};

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
    empty: &'static str,
) -> Result<Vec<T>, D::Error> {
    let items = Option::<Vec<Option<T>>>::deserialize(deserializer)?.unwrap_or_default();
    items
        .into_iter()
        .map(|item| item.ok_or_else(|| de::Error::custom(empty)))
        .collect()
}

/// For `#[serde(default, deserialize_with = "collector::config::scrape_configs")]` on the server's file type.
///
/// # Errors
/// An element is null or no scrape configuration.
pub fn scrape_configs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Located<ScrapeConfig>>, D::Error> {
    let items = Option::<Vec<Located<Option<ScrapeConfig>>>>::deserialize(deserializer)?.unwrap_or_default();
    let filled = items.into_iter().map(|item| match item.value {
        Some(value) => Ok(Located {
            value,
            referenced: item.referenced,
            defined: item.defined,
        }),
        None => Err(de::Error::custom("empty or null scrape config section")),
    });
    filled.collect()
}

pub(super) fn static_configs<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<StaticConfig>, D::Error> {
    present(d, "empty or null section in static_configs")
}

pub(super) fn relabel_configs<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<RelabelConfig>, D::Error> {
    present(d, "empty or null target relabeling rule")
}

pub(super) fn metric_relabel_configs<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Vec<RelabelConfig>, D::Error> {
    present(d, "empty or null metric relabeling rule")
}

/// A null that is not the same as an absent key: it is the empty text.
pub(super) fn null_is_empty<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::<String>::deserialize(d)?.unwrap_or_default()))
}
