//! The file of families: a magic, and one frame of compressed entries.

use durable::frame;
use model::metrics::{Metadata, MetricType};

use super::{MAX_BYTES, MAX_FAMILIES};
use crate::bytes::{Cursor, Malformed, put_text};

/// The first bytes: magic and version.
const MAGIC: &[u8; 8] = b"MHFAM\x00\x00\x01";

/// The frame's kind.
const FAMILIES: u8 = 1;

/// What decompressing may take: the text, and for each family three lengths and a type.
const MAX_PAYLOAD: usize = MAX_BYTES + 10 * MAX_FAMILIES;

/// zstd's level: the text is small and written seldom.
const LEVEL: i32 = 3;

/// The types in the order of their numbers in the file.
const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

pub(super) fn encode<'a>(families: impl Iterator<Item = (&'a str, &'a Metadata)>) -> Vec<u8> {
    let mut payload = Vec::new();
    for (family, metadata) in families {
        put_text(&mut payload, family);
        let number = TYPES.iter().position(|t| *t == metadata.metric_type);
        payload.push(number.unwrap_or(0) as u8);
        put_text(&mut payload, &metadata.help);
        put_text(&mut payload, &metadata.unit);
    }
    let mut bytes = MAGIC.to_vec();
    // Compressing into memory does not fail; an empty frame would read as damaged, never as other families.
    let compressed = zstd::bulk::compress(&payload, LEVEL).unwrap_or_default();
    frame::encode(FAMILIES, &compressed, &mut bytes);
    bytes
}

/// The families in the order they were written in.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(String, Metadata)>, String> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or("not a file of families of this version")?;
    let (frame, _) = frame::decode(rest)
        .map_err(|e| e.to_string())?
        .ok_or("it is empty")?;
    if frame.kind != FAMILIES {
        return Err(format!("a frame of kind {} is not known", frame.kind));
    }
    let payload = zstd::bulk::decompress(frame.payload, MAX_PAYLOAD).map_err(|e| e.to_string())?;
    entries(&payload).map_err(|e| e.to_string())
}

fn entries(payload: &[u8]) -> Result<Vec<(String, Metadata)>, Malformed> {
    let mut cursor = Cursor::new(payload);
    let mut families = Vec::new();
    while !cursor.is_empty() {
        let family = cursor.text()?.to_owned();
        // A type of a later version is not known here.
        let metric_type = TYPES.get(usize::from(cursor.u8()?)).copied().unwrap_or_default();
        let metadata = Metadata {
            metric_type,
            help: cursor.text()?.to_owned(),
            unit: cursor.text()?.to_owned(),
        };
        families.push((family, metadata));
    }
    Ok(families)
}
