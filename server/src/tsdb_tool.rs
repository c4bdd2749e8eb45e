//! `masthead tsdb …`: looking into the series store, bringing samples into it from elsewhere, copying it.
//!
//! What is found goes to standard output, what is wrong to standard error; exit code 1. Nothing here runs beside a
//! server that writes: whatever needs it still takes the data folder's lock, the rest looks at what is
//! published.

mod analyze;
mod backup;
mod dump;
mod folder;
mod import;
mod list;
mod remote_read;
mod select;
mod text;
mod verify;

use std::process::ExitCode;

use crate::flags::tsdb_tool::Tsdb;

/// Does what the command line says.
pub(crate) fn run(what: &Tsdb) -> ExitCode {
    let done = match what {
        Tsdb::List {
            storage,
            human_readable,
        } => list::run(storage, *human_readable),
        Tsdb::Analyze { storage, limit } => analyze::run(storage, *limit),
        Tsdb::Verify { storage } => verify::run(storage),
        Tsdb::Dump {
            storage,
            select,
            format,
        } => dump::run(storage, select, *format),
        Tsdb::Import { from } => import::run(from),
        Tsdb::Backup {
            storage,
            snapshot,
            to,
        } => backup::backup(storage, snapshot.as_deref(), to),
        Tsdb::Restore { from, storage } => backup::restore(storage, from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("masthead: {why}");
            ExitCode::FAILURE
        }
    }
}
