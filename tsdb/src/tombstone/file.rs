//! The file `tombstones`: magic and one frame for each, published whole. Drawn in docs/format/tombstones.md.

use std::path::Path;

use durable::{Fs, frame};
use model::{MatchOp, Matcher, StoreError};

use super::Tombstone;
use crate::bytes::{Cursor, Malformed, put_signed, put_text, put_varint};
use crate::error::{corrupt, from_durable, io};

/// The file's name within the data folder.
const FILE: &str = "tombstones";

/// Magic and version.
const MAGIC: &[u8; 8] = b"MHTMB\x00\x00\x01";

/// The only kind of frame.
const TOMBSTONE: u8 = 1;

/// Reads the tombstones of a data folder; none where there is no file.
///
/// # Errors
/// The disk failed, or bytes do not check out: what was deleted must not come back unnoticed.
pub(crate) fn load(fs: &dyn Fs, dir: &Path) -> Result<Vec<Tombstone>, StoreError> {
    let path = dir.join(FILE);
    if !fs.exists(&path) {
        return Ok(Vec::new());
    }
    let bytes = fs.read(&path).map_err(|e| io("read", &path, e))?;
    let at = || path.display().to_string();
    let mut rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| corrupt(at(), "not a file of this version"))?;
    let mut tombstones = Vec::new();
    loop {
        match frame::decode(rest) {
            Ok(None) => return Ok(tombstones),
            Ok(Some((found, used))) if found.kind == TOMBSTONE => {
                tombstones.push(decode(found.payload).map_err(|e| corrupt(at(), e.to_string()))?);
                rest = rest.get(used..).unwrap_or_default();
            }
            Ok(Some(_)) => return Err(corrupt(at(), "a frame of another kind")),
            Err(e) => return Err(corrupt(at(), e.to_string())),
        }
    }
}

/// Writes the tombstones of a data folder, all or nothing; where there are none the file goes.
///
/// # Errors
/// The disk refused; what was there stands.
pub(crate) fn save(fs: &dyn Fs, dir: &Path, tombstones: &[Tombstone]) -> Result<(), StoreError> {
    let path = dir.join(FILE);
    if tombstones.is_empty() {
        if fs.exists(&path) {
            fs.remove_file(&path).map_err(|e| io("remove", &path, e))?;
            fs.sync_dir(dir).map_err(|e| io("sync", dir, e))?;
        }
        return Ok(());
    }
    let mut bytes = MAGIC.to_vec();
    for tombstone in tombstones {
        frame::encode(TOMBSTONE, &encode(tombstone), &mut bytes);
    }
    durable::publish_file(fs, &path, &bytes).map_err(from_durable)
}

fn encode(tombstone: &Tombstone) -> Vec<u8> {
    let mut out = Vec::new();
    put_signed(&mut out, tombstone.start_ms);
    put_signed(&mut out, tombstone.end_ms);
    put_varint(&mut out, tombstone.below);
    put_varint(&mut out, tombstone.matchers.len() as u64);
    for matcher in &tombstone.matchers {
        out.push(match matcher.op {
            MatchOp::Equal => 0,
            MatchOp::NotEqual => 1,
            MatchOp::Regex => 2,
            MatchOp::NotRegex => 3,
        });
        put_text(&mut out, &matcher.name);
        put_text(&mut out, &matcher.value);
    }
    out
}

fn decode(bytes: &[u8]) -> Result<Tombstone, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let (start_ms, end_ms, below) = (cursor.signed()?, cursor.signed()?, cursor.varint()?);
    let count = cursor.count()?;
    let mut matchers = Vec::with_capacity(count);
    for _ in 0..count {
        let op = match cursor.u8()? {
            0 => MatchOp::Equal,
            1 => MatchOp::NotEqual,
            2 => MatchOp::Regex,
            3 => MatchOp::NotRegex,
            _ => return Err(Malformed),
        };
        let name = cursor.text()?.to_owned();
        matchers.push(Matcher::new(name, op, cursor.text()?).map_err(|_| Malformed)?);
    }
    Ok(Tombstone {
        matchers,
        start_ms,
        end_ms,
        below,
    })
}
