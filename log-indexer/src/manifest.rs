//! The manifest: what of the lines files counts, and which arrivals they cover. Replaced as a whole, atomically.
//!
//! It is what makes a cut all or nothing: blocks are written and synced first, then the manifest that counts them is
//! published, then the log's segments go. A crash in between leaves either the old manifest, with the lines still
//! in the log, or the new one, by which replay leaves out what the blocks have.

use std::collections::BTreeMap;
use std::path::Path;

use durable::{DurableError, Fs, frame, publish_file};

use crate::codec::{Reader, put_i64, put_u64};

/// The first bytes of the file: magic and version.
const MAGIC: &[u8; 8] = b"MHLOGS\x00\x01";

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Every line with a smaller number of arrival is in the lines files.
    pub(crate) cut_seq: u64,
    /// How many bytes of each day's lines file count.
    pub(crate) days: BTreeMap<i64, u64>,
}

/// What was found in its place.
pub(crate) enum Loaded {
    /// A manifest.
    Good(Manifest),
    /// No file: a new store, or one whose manifest was lost.
    Absent,
    /// A file that does not check out.
    Bad,
}

pub(crate) fn load(fs: &dyn Fs, path: &Path) -> Result<Loaded, DurableError> {
    if !fs.exists(path) {
        return Ok(Loaded::Absent);
    }
    let bytes = fs.read(path).map_err(|e| DurableError::io("read", path, e))?;
    Ok(decode(&bytes).map_or(Loaded::Bad, Loaded::Good))
}

pub(crate) fn publish(fs: &dyn Fs, path: &Path, manifest: &Manifest) -> Result<(), DurableError> {
    publish_file(fs, path, &encode(manifest))
}

fn encode(manifest: &Manifest) -> Vec<u8> {
    let mut payload = Vec::new();
    put_u64(&mut payload, manifest.cut_seq);
    put_u64(&mut payload, manifest.days.len() as u64);
    for (day, len) in &manifest.days {
        put_i64(&mut payload, *day);
        put_u64(&mut payload, *len);
    }
    let mut bytes = MAGIC.to_vec();
    frame::encode(1, &payload, &mut bytes);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Manifest> {
    let (found, _) = frame::decode(bytes.strip_prefix(MAGIC)?).ok()??;
    let mut reader = Reader::new(found.payload);
    let cut_seq = reader.u64()?;
    let count = reader.u64()?;
    let mut days = BTreeMap::new();
    for _ in 0..count {
        days.insert(reader.i64()?, reader.u64()?);
    }
    reader.is_empty().then_some(Manifest { cut_seq, days })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_notices_every_flipped_bit() {
        let manifest = Manifest {
            cut_seq: 12,
            days: BTreeMap::from([(-1, 5), (20_000, 1 << 40)]),
        };
        let bytes = encode(&manifest);
        assert_eq!(decode(&bytes), Some(manifest));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bad), None, "bit {bit}");
        }
    }
}
