//! How the errors of the layers below become [`StoreError`]s: by what the caller can do.

use durable::DurableError;
use model::StoreError;

/// A full disk and a failed fsync make the store read-only; a record too large is a bound; the rest is the disk.
pub(crate) fn from_durable(error: DurableError) -> StoreError {
    if error.is_disk_full() {
        return StoreError::ReadOnly(error.to_string().into());
    }
    match error {
        DurableError::Poisoned(why) => StoreError::ReadOnly(why),
        DurableError::TooLarge { limit, .. } => StoreError::Limit {
            what: "bytes of a batch",
            limit: limit as u64,
        },
        DurableError::Io { action, path, source } => StoreError::Io {
            context: format!("{action} {}", path.display()),
            source,
        },
    }
}

/// The index of a day failed. Its lines are safe; it is rebuilt when the store is opened again.
pub(crate) fn from_index(day: &str, error: &tantivy::TantivyError) -> StoreError {
    StoreError::Corrupt {
        what: format!("index of {day}"),
        detail: error.to_string(),
    }
}
