//! The binary `masthead`: flags, configuration, wiring, shutdown, nothing else.

mod check;
mod config;
mod flags;
mod listen;
mod server;
mod stores;
mod telemetry;
mod upkeep;

use std::process::ExitCode;

use clap::Parser;

use flags::{Cli, Command};

/// Many small allocations by many threads are what a monitor does all day.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("masthead: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match cli.command {
        Some(Command::Check { what }) => check::run(&what),
        None => match server::run(cli.server) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("masthead: {why}");
                ExitCode::FAILURE
            }
        },
    }
}
