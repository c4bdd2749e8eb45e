//! Errors of the disk and of decoders, as the callers of a store know them.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use durable::DurableError;
use model::StoreError;

use crate::codec::CodecError;

/// A failed or full disk makes the store read-only for the caller; anything else is an input/output error.
pub(crate) fn from_durable(error: DurableError) -> StoreError {
    if error.is_disk_full() {
        return StoreError::ReadOnly(error.to_string().into());
    }
    match error {
        DurableError::Poisoned(why) => StoreError::ReadOnly(why),
        DurableError::TooLarge { limit, .. } => StoreError::Limit {
            what: "bytes of a batch of spans",
            limit: limit as u64,
        },
        DurableError::Io { action, path, source } => StoreError::Io {
            context: format!("{action} {}", path.display()),
            source: Arc::clone(&source),
        },
    }
}

/// Bytes at `offset` of a file do not decode.
pub(crate) fn corrupt(path: &Path, offset: u64, detail: &dyn Display) -> StoreError {
    StoreError::Corrupt {
        what: format!("{} at byte {offset}", path.display()),
        detail: detail.to_string(),
    }
}

/// A batch in memory, checked when it came in, does not decode.
pub(crate) fn corrupt_head(error: CodecError) -> StoreError {
    StoreError::Corrupt {
        what: "span batch in memory".to_owned(),
        detail: error.to_string(),
    }
}
