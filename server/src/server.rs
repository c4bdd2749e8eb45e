//! The server: everything started in order, reloaded on demand, stopped in order.

mod alerts;
mod lifecycle;
mod routes;
mod running;

use tokio::signal::unix::{SignalKind, signal};

use crate::flags::ServerFlags;
use crate::listen::Listeners;
use crate::telemetry::Telemetry;
use running::Running;

/// Runs until SIGINT or SIGTERM. SIGHUP reloads the configuration.
///
/// # Errors
/// Why it could not start, in a sentence for the operator.
pub(crate) fn run(flags: ServerFlags) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start threads: {e}"))?;
    let telemetry = Telemetry::start(flags.log_level);
    let result = runtime.block_on(serve(flags, &telemetry));
    // Whatever still runs holds no data that is not stored.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

async fn serve(flags: ServerFlags, telemetry: &Telemetry) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("cannot handle signals: {e}");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;

    let listeners = Listeners::bind(&flags).await?;
    let port = listeners.port();
    let server = Running::start(flags, listeners, telemetry).await?;
    println!("Masthead is up: http://localhost:{port}");
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => server.reload().await,
        }
    }
    tracing::info!("stopping");
    tokio::spawn(async move {
        interrupt.recv().await;
        // Who asks twice does not want to wait; the logs are replayed at the next start, as after a crash.
        eprintln!("masthead: interrupted while stopping");
        std::process::exit(1);
    });
    server.stop(telemetry).await
}
