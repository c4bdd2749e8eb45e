//! The pulling half as its user sees it: real sockets on 127.0.0.1, a configuration in YAML, a sink that
//! remembers.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking; helpers here are tests too"
)]

#[path = "pull/kubernetes.rs"]
mod kubernetes;
#[path = "pull/scraping.rs"]
mod scraping;
#[path = "pull/setup.rs"]
mod setup;
