//! A day's `lines` file: blocks in checksummed frames, one after the other. The one writer and the one reader.
//!
//! The manifest says up to where the file counts; what a crash left behind that is cut off before the next write.
//! Reading one block is one `pread`; a scan reads the whole file and finds its way behind damage.

use std::path::Path;

use durable::{DurableError, Fs, ReadFile, frame};
use memchr::memmem;

use crate::block;

/// The first bytes of the file: magic and version.
const MAGIC: &[u8; 8] = b"MHLINES\x01";

/// The kind of the only frame there is.
const KIND_BLOCK: u8 = 1;

/// How far a scan behind damage looks ahead at a time.
const WINDOW: usize = 1 << 20;

/// Where a block lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Writes blocks behind the first `committed` bytes, cutting off what else is there, and syncs them. Gives the
/// file's new length.
pub(crate) fn append(
    fs: &dyn Fs,
    path: &Path,
    committed: u64,
    blocks: impl Iterator<Item = std::io::Result<Vec<u8>>>,
) -> Result<u64, DurableError> {
    let mut len = committed;
    let mut file = if committed == 0 {
        fs.create(path).map_err(|e| DurableError::io("create", path, e))?
    } else {
        cut(fs, path, committed)?;
        fs.append(path).map_err(|e| DurableError::io("open", path, e))?
    };
    let mut buffer = Vec::new();
    if len == 0 {
        buffer.extend_from_slice(MAGIC);
    }
    for block in blocks {
        let payload = block.map_err(|e| DurableError::io("compress", path, e))?;
        frame::encode(KIND_BLOCK, &payload, &mut buffer);
        file.write_all(&buffer)
            .map_err(|e| DurableError::io("write", path, e))?;
        len += buffer.len() as u64;
        buffer.clear();
    }
    file.sync().map_err(|e| DurableError::io("sync", path, e))?;
    Ok(len)
}

/// Cuts off what a crash left behind the committed bytes.
pub(crate) fn cut(fs: &dyn Fs, path: &Path, committed: u64) -> Result<(), DurableError> {
    let io = |action| move |e| DurableError::io(action, path, e);
    let actual = fs.open(path).and_then(|f| f.len()).map_err(io("open"))?;
    if actual > committed {
        fs.truncate(path, committed).map_err(io("truncate"))?;
    }
    Ok(())
}

/// Reads the payload of one block.
///
/// # Errors
/// A sentence on what does not check out.
pub(crate) fn read(file: &dyn ReadFile, at: Locator) -> Result<Vec<u8>, String> {
    let most = frame::HEADER_LEN as u64 + frame::MAX_PAYLOAD as u64;
    let len = usize::try_from(at.len.min(most)).map_err(|e| e.to_string())?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, at.offset)
        .map_err(|e| e.to_string())?;
    match frame::decode(&bytes) {
        Ok(Some((found, used))) if found.kind == KIND_BLOCK && used == len => {
            bytes.drain(..frame::HEADER_LEN);
            Ok(bytes)
        }
        Ok(_) => Err("not a block of the expected length".to_owned()),
        Err(bad) => Err(bad.to_string()),
    }
}

/// Reads the blocks from `from` (0: the start) up to `until` in order; hands each good one to `found`, and a
/// sentence to `damaged` for each stretch that was skipped. Gives the end of the last good block.
pub(crate) fn scan(
    file: &dyn ReadFile,
    from: u64,
    until: u64,
    mut found: impl FnMut(Locator, &[u8]),
    mut damaged: impl FnMut(String),
) -> u64 {
    let mut offset = from.max(MAGIC.len() as u64);
    let mut good_end = if until < offset { 0 } else { offset };
    while offset < until {
        let at = next_len(file, offset).map(|len| Locator { offset, len });
        let payload = at
            .filter(|at| at.len <= until - offset)
            .ok_or_else(|| "block reaches beyond the end".to_owned())
            .and_then(|at| read(file, at).map(|payload| (at, payload)));
        match payload {
            Ok((at, payload)) => {
                found(at, &payload);
                offset += at.len;
                good_end = offset;
            }
            Err(why) => {
                let next = find_block(file, offset + 1, until);
                damaged(format!("{why} at byte {offset}, {} bytes skipped", next - offset));
                offset = next;
            }
        }
    }
    good_end
}

/// The whole length that the frame at `offset` claims to have.
fn next_len(file: &dyn ReadFile, offset: u64) -> Option<u64> {
    let mut len = [0; 4];
    file.read_exact_at(&mut len, offset).ok()?;
    let len = u32::from_le_bytes(len) as usize;
    (len <= frame::MAX_PAYLOAD).then_some((frame::HEADER_LEN + len) as u64)
}

/// The start of the next frame, at or after `from`, whose payload begins like a block; `until` if there is none.
fn find_block(file: &dyn ReadFile, from: u64, until: u64) -> u64 {
    let header = frame::HEADER_LEN as u64;
    let mut at = from + header;
    while at < until {
        let len = (until - at).min((WINDOW + block::MAGIC.len()) as u64);
        let mut window = vec![0; usize::try_from(len).unwrap_or(WINDOW)];
        if file.read_exact_at(&mut window, at).is_err() {
            return until;
        }
        if let Some(found) = memmem::find(&window, block::MAGIC) {
            return at + found as u64 - header;
        }
        at += WINDOW as u64;
    }
    until
}
