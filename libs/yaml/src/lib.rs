//! YAML text to typed configuration, with the strictness of Go's YAML library that Prometheus' users know:
//! duplicate keys are errors, `<<` merges, `yes` is a bool, `key:` with nothing behind it is the default.
//!
//! Every configuration type derives `serde::Deserialize` with `deny_unknown_fields`; checks that need code
//! (regular expressions, durations) belong inside `Deserialize` (`#[serde(try_from = …)]`), so that the error
//! carries the line. What can only be checked later keeps its place by [`Located`].

mod duration;
mod error;
mod null;

use serde::de::DeserializeOwned;

pub use duration::PromDuration;
pub use error::YamlError;
pub use null::or_default;

/// A value with the place it was read from (`.value`, `.referenced.line()`, `.referenced.column()`).
pub use serde_saphyr::Spanned as Located;

/// Reads one document.
///
/// # Errors
/// The text is not YAML, not of type `T`, or so deeply nested or self-repeating that it would exhaust memory;
/// the error says at which line and column.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| YamlError::from(error).in_field_of(text))
}

#[cfg(test)]
mod tests;
