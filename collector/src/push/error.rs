//! Why pushed bytes were refused, shaped by the answer that the sender gets.

/// A refusal of a whole request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The bytes are not what they claim to be; sending them again will not help (HTTP 400).
    #[error("malformed {what}: {detail}")]
    Malformed {
        /// The format that was expected, e.g. `remote write request`.
        what: &'static str,
        /// What is wrong, with the place where that is known.
        detail: String,
    },
    /// The request, or what it unpacks to, is larger than allowed (HTTP 413).
    #[error("request exceeds the limit of {limit} {unit}")]
    TooLarge {
        /// The bound.
        limit: u64,
        /// What it counts, e.g. `bytes`.
        unit: &'static str,
    },
    /// A format or encoding that is known but not taken (HTTP 415).
    #[error("unsupported {what}")]
    Unsupported {
        /// Which.
        what: String,
    },
}

impl PushError {
    pub(crate) fn malformed(what: &'static str, detail: &dyn std::fmt::Display) -> PushError {
        PushError::Malformed {
            what,
            detail: detail.to_string(),
        }
    }

    pub(crate) fn too_many_bytes(limit: usize) -> PushError {
        PushError::TooLarge {
            limit: limit as u64,
            unit: "bytes",
        }
    }
}
