//! `key:` with nothing behind it.

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "yaml::or_default")]`: a null is the type's default, as in Go.
///
/// # Errors
/// The value is neither null nor a `T`.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
