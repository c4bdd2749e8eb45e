//! Errors: the engine speaks [`StoreError`] outside, and this is where those of the disk become one.

use std::path::Path;
use std::sync::Arc;

use durable::DurableError;
use model::StoreError;

/// What a failure of the disk means to whoever called: a poisoned log or a full disk refuses writes, the rest
/// is an error of the moment.
pub(crate) fn from_durable(error: DurableError) -> StoreError {
    if error.is_disk_full() {
        return StoreError::ReadOnly(format!("disk is full: {error}").into());
    }
    match error {
        DurableError::Poisoned(why) => StoreError::ReadOnly(why),
        DurableError::TooLarge { limit, .. } => StoreError::Limit {
            what: "record bytes",
            limit: limit as u64,
        },
        DurableError::Io { action, path, source } => StoreError::Io {
            context: format!("{action} {}", path.display()),
            source,
        },
    }
}

/// An error of the operating system, with what was tried on what.
pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> StoreError {
    from_durable(DurableError::Io {
        action,
        path: path.to_owned(),
        source: Arc::new(source),
    })
}

/// Bytes that do not check out.
pub(crate) fn corrupt(what: impl Into<String>, detail: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        what: what.into(),
        detail: detail.into(),
    }
}
