//! The binary `masthead`: flags, configuration, wiring, shutdown, nothing else.

mod check;
mod config;
mod flags;
mod listen;
mod memory;
mod server;
mod stores;
mod telemetry;
mod tsdb_tool;
mod upkeep;

use std::process::ExitCode;

use clap::Parser;

use flags::{Cli, Command, Features};

/// Many small allocations by many threads are what a monitor does all day.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Where the system gives out huge pages unasked, a heap of 4 MB takes 22; and what is freed in between goes back only
    // by the two megabytes. Without the call it works as well.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let cli = Cli::parse();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("masthead: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match cli.command {
        Some(Command::Check { what }) => check::run(&what, Features::of(&cli.server.features).0),
        Some(Command::Tsdb { what }) => tsdb_tool::run(&what),
        None => match server::run(cli.server) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("masthead: {why}");
                ExitCode::FAILURE
            }
        },
    }
}
