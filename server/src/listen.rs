//! Addresses: bound before anything else starts, served until told to stop.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::flags::ServerFlags;

/// The sockets that the flags ask for.
pub(crate) struct Listeners {
    /// For people and APIs.
    pub main: TcpListener,
    /// OTLP over gRPC.
    pub otlp_grpc: Option<TcpListener>,
    /// OTLP over HTTP.
    pub otlp_http: Option<TcpListener>,
    /// Jaeger's thrift over HTTP.
    pub jaeger_thrift: Option<TcpListener>,
}

impl Listeners {
    /// Binds all of them.
    ///
    /// # Errors
    /// An address is taken or not ours; the message names the flag.
    pub(crate) async fn bind(flags: &ServerFlags) -> Result<Listeners, String> {
        Ok(Listeners {
            main: bind("web.listen-address", flags.listen_address).await?,
            otlp_grpc: bind_optional("otlp.grpc-listen-address", flags.otlp_grpc_address.0).await?,
            otlp_http: bind_optional("otlp.http-listen-address", flags.otlp_http_address.0).await?,
            jaeger_thrift: bind_optional("jaeger.thrift-http-listen-address", flags.jaeger_thrift_address.0)
                .await?,
        })
    }

    /// The port of the main address.
    pub(crate) fn port(&self) -> u16 {
        self.main.local_addr().map_or(0, |address| address.port())
    }
}

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => format!("{address} is in use already; choose another with --{flag}"),
        _ => format!("--{flag}={address}: {e}"),
    })
}

async fn bind_optional(flag: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, String> {
    match address {
        Some(address) => bind(flag, address).await.map(Some),
        None => Ok(None),
    }
}

/// Serves until `stop`, then finishes the requests under way.
pub(crate) fn serve(listener: TcpListener, router: Router, tasks: &TaskTracker, stop: &CancellationToken) {
    let stop = stop.clone();
    tasks.spawn(async move {
        let address = listener.local_addr().ok();
        let stopped = stop.cancelled_owned();
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(%error, ?address, "serving failed");
        }
    });
}
