//! Every HTTP and gRPC surface of Masthead: wire types, parameters, error → status, and nothing else.
//!
//! Each surface is a module with a state of its own (the few things it needs) and a function `routes(state)`
//! that gives a finished [`axum::Router`], so that each is tested alone. The server merges them and decides on
//! which address each is heard. Store calls block, so they run on a [`Pool`]: one for queries, one for
//! ingestion, that a heavy query never delays a push.

pub mod admin;
pub mod console;
pub mod jaeger;
pub mod loki;
pub mod observe;
mod pool;
pub mod prometheus;
pub mod push;
pub mod queries;
pub mod status;

pub use pool::{Pool, PoolError};

/// The address of the client, as an extension of a request.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub std::net::IpAddr);
