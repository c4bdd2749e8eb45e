//! The parts of prometheus.yml that say what to scrape: `global` and `scrape_configs`.
//!
//! The server embeds [`GlobalConfig`] and a list of [`Located`] [`ScrapeConfig`] in its own file type and calls
//! [`resolve`], which applies the global defaults, checks what needs more than one section, and gives plain
//! [`ScrapeJob`]s. Everything that can be judged alone is judged inside `Deserialize`, so errors carry a line.
//! Fields and defaults follow <https://prometheus.io/docs/prometheus/latest/configuration/configuration/>; what
//! is known there and not offered here is refused by name, or warned of where ignoring it loses nothing.

mod global;
mod http;
mod job;
mod kubernetes;
mod list;
mod protocol;
mod relabel;
mod scrape;
mod sd;
mod size;

pub use global::{ExternalLabels, GlobalConfig};
pub use http::{Auth, Header, HttpConfig, Secret, SecretSource, TlsConfig};
pub use job::{Limits, Resolved, ScrapeJob, resolve};
pub use kubernetes::{KubernetesSdConfig, Selector};
pub use list::scrape_configs;
pub use protocol::{EscapingScheme, ScrapeProtocol, ValidationScheme};
pub use relabel::{Action, AnchoredRegex, RelabelConfig};
pub use scrape::ScrapeConfig;
pub use sd::{Discovery, FileSdConfig, StaticConfig};
pub use size::ByteSize;
pub use yaml::Located;

#[cfg(test)]
mod tests;
