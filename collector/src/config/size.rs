//! Sizes in configuration files: `15MB`, `512KiB`. As upstream, every unit is a power of 1024.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

const UNITS: [(&str, u64); 13] = [
    ("B", 1),
    ("KB", 1 << 10),
    ("KiB", 1 << 10),
    ("MB", 1 << 20),
    ("MiB", 1 << 20),
    ("GB", 1 << 30),
    ("GiB", 1 << 30),
    ("TB", 1 << 40),
    ("TiB", 1 << 40),
    ("PB", 1 << 50),
    ("PiB", 1 << 50),
    ("EB", 1 << 60),
    ("EiB", 1 << 60),
];

/// A number of bytes; 0 stands for "no limit" wherever it bounds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ByteSize(pub u64);

/// Reads `number unit`; the unit is needed unless the number is 0.
fn parse(text: &str) -> Result<ByteSize, String> {
    if text == "0" {
        return Ok(ByteSize(0));
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit.trim())
        .map(|(_, factor)| *factor);
    let factor = factor.ok_or_else(|| format!("units: unknown unit {unit} in {text}"))?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole
            .checked_mul(factor)
            .map(ByteSize)
            .ok_or_else(|| format!("size out of range: {text}"));
    }
    let value: f64 = number.parse().map_err(|_| format!("units: invalid {text}"))?;
    let bytes = value * factor as f64;
    if bytes.is_finite() && (0.0..9.0e18).contains(&bytes) {
        Ok(ByteSize(bytes as u64))
    } else {
        Err(format!("size out of range: {text}"))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
