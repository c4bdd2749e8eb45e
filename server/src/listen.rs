//! Addresses: bound before anything else starts, served until told to stop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use api::Client;
use axum::Router;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::flags::ServerFlags;

/// Connections of one address at once, as Prometheus' `--web.max-connections`.
const MAX_CONNECTIONS: usize = 512;

/// A new connection has to bring the head of its first request within this.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// So long an HTTP/1 connection may idle between requests or be in the middle of a head: Prometheus' read timeout. Less
/// would race with clients that come back every minute on a connection they keep.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// An HTTP/2 client that does not answer such a ping is gone.
const PING_INTERVAL: Duration = Duration::from_secs(60);

/// Between attempts to accept that fail.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

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

/// Serves until `stop`, then finishes the requests under way. Connections beyond [`MAX_CONNECTIONS`] wait unaccepted.
pub(crate) fn serve(listener: TcpListener, router: Router, tasks: &TaskTracker, stop: &CancellationToken) {
    open(listener, router, FIRST_REQUEST_TIMEOUT, tasks, stop);
}

fn open(
    listener: TcpListener,
    router: Router,
    first_request_timeout: Duration,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let door = Door {
        first_request_timeout,
        service: TowerToHyperService::new(router),
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    tasks.spawn(async move {
        tokio::select! {
            () = door.accept(listener) => {}
            () = door.stop.cancelled() => {}
        }
    });
}

/// What the connections of one address share.
struct Door {
    service: TowerToHyperService<Router>,
    first_request_timeout: Duration,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Door {
    /// Takes connections until dropped, or until nobody can be let in any more.
    async fn accept(&self, listener: TcpListener) {
        while let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, address)) => {
                    let (service, stop) = (self.service.clone(), self.stop.clone());
                    let client = Client(address.ip().to_canonical());
                    let talk = talk(stream, client, service, self.first_request_timeout, stop);
                    self.tasks.spawn(async move {
                        talk.await;
                        drop(place);
                    });
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    // Most likely out of file descriptors; trying again at once would only keep a processor busy.
                    tracing::error!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// One connection, HTTP/1 or HTTP/2, until it ends, says nothing for too long, or `stop`.
async fn talk(
    stream: TcpStream,
    client: Client,
    service: TowerToHyperService<Router>,
    first_request_timeout: Duration,
    stop: CancellationToken,
) {
    // Answers are written whole; waiting to fill a packet only delays them. Where it fails, it is only slower.
    let _ = stream.set_nodelay(true);
    let asked = CancellationToken::new();
    let service = service_fn({
        let asked = asked.clone();
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            asked.cancel();
            request.extensions_mut().insert(client);
            service.call(request)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // What goes wrong here is the client's end of the line: hung up, or talking nonsense.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = silence(&asked, first_request_timeout) => return,
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Ends when no request has come within `timeout`.
async fn silence(asked: &CancellationToken, timeout: Duration) {
    if tokio::time::timeout(timeout, asked.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
