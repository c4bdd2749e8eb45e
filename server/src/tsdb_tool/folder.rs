//! The data folder from outside the server.

use std::path::PathBuf;

use durable::{DirLock, DurableError, RealFs};
use tsdb::inspect::Inspection;

use crate::flags::tsdb_tool::Storage;

/// Where the series are within the data folder.
pub(super) fn metrics(storage: &Storage) -> PathBuf {
    storage.path.join("metrics")
}

/// Takes the folder for work beside which no server may run; `instead` says what else there is to do.
///
/// # Errors
/// A server runs on it, or the disk refuses.
pub(super) fn lock(storage: &Storage, instead: &str) -> Result<DirLock, String> {
    DirLock::acquire(&storage.path).map_err(|e| match busy(&e) {
        true => format!(
            "a server runs on {}: stop it, or {instead}",
            storage.path.display()
        ),
        false => e.to_string(),
    })
}

fn busy(error: &DurableError) -> bool {
    matches!(error, DurableError::Io { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse)
}

/// Looks at what is published, server or not, and says what is not to be seen and what is damaged.
///
/// # Errors
/// There is no store in the folder, or the disk refuses.
pub(super) fn look(storage: &Storage) -> Result<Inspection, String> {
    let dir = metrics(storage);
    let inspection = Inspection::open(&RealFs, &dir).map_err(|e| e.to_string())?;
    for damage in &inspection.damage {
        eprintln!("masthead: {damage}");
    }
    if inspection.log_bytes > 0 {
        eprintln!(
            "masthead: {} bytes in the log are not in blocks yet and not looked at; a server writes them out as it runs",
            inspection.log_bytes
        );
    }
    Ok(inspection)
}
