//! One file that is followed: its handle, how far it has been read, and what of it is not yet whole.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::format::{Unwrapped, Unwrapper};
use super::lines::{IDLE_MS, Lines};
use super::positions::{FileId, Head, Position};

/// So many bytes are read at once.
const CHUNK: usize = 256 << 10;
/// So many bytes at the start tell one file from another.
const HEAD: u64 = 1024;

/// What names a file.
pub(super) fn id(metadata: &Metadata) -> FileId {
    FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Followed {
    file: File,
    /// Where it was last seen.
    pub(super) path: PathBuf,
    /// Which group of the configuration it belongs to.
    pub(super) group: usize,
    /// When it was seen under a path of its group for the last time, in milliseconds.
    pub(super) seen_ms: i64,
    lines: Lines,
    unwrapper: Unwrapper,
    /// Bytes read.
    read: u64,
    /// Bytes of which nothing is held back.
    safe: u64,
    head: Head,
    /// When the last byte came, in milliseconds.
    grown_ms: i64,
}

impl Followed {
    /// Opens a file and goes to where it was left, if it still is the file that was left.
    pub(super) fn open(
        path: &Path,
        group: usize,
        unwrapper: Unwrapper,
        left: Option<&Position>,
        now_ms: i64,
    ) -> io::Result<Followed> {
        let file = File::open(path)?;
        let mut followed = Followed {
            file,
            path: path.to_owned(),
            group,
            seen_ms: now_ms,
            lines: Lines::default(),
            unwrapper,
            read: 0,
            safe: 0,
            head: Head::default(),
            grown_ms: now_ms,
        };
        if let Some(left) = left
            && followed.file.metadata()?.len() >= left.offset
            && head(&followed.file, left.head.len)? == left.head
        {
            (followed.read, followed.safe, followed.head) = (left.offset, left.offset, left.head);
        }
        Ok(followed)
    }

    /// Where to go on after a restart, once the sink has taken all lines given so far.
    pub(super) fn position(&self) -> Position {
        Position {
            path: self.path.to_string_lossy().into_owned(),
            offset: self.safe,
            head: self.head,
        }
    }

    /// Reads the next piece of the file, `each` gets the lines; whether there may be more at once.
    pub(super) fn advance(&mut self, now_ms: i64, mut each: impl FnMut(Unwrapped)) -> io::Result<bool> {
        let len = self.file.metadata()?.len();
        if len < self.read || (len > self.read && head(&self.file, self.head.len)? != self.head) {
            // Cut off or written anew under the same inode: what is held back belongs to what was there before.
            self.flush(&mut each, now_ms, true);
            (self.read, self.safe, self.head) = (0, 0, Head::default());
        }
        let mut buffer = vec![0; CHUNK.min(usize::try_from(len - self.read).unwrap_or(CHUNK))];
        let count = if buffer.is_empty() {
            0
        } else {
            self.file.read_at(&mut buffer, self.read)?
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            self.flush(&mut each, now_ms, false);
            return Ok(false);
        }
        self.read += count as u64;
        self.grown_ms = now_ms;
        let unwrapper = &mut self.unwrapper;
        self.lines.feed(bytes, now_ms, |line| {
            unwrapper.line(line).into_iter().for_each(&mut each)
        });
        if self.head.len < HEAD {
            self.head = head(&self.file, HEAD.min(self.read))?;
        }
        self.settle();
        Ok(self.read < len)
    }

    /// Gives what is held back, if nothing has come for long or `at_once` is set.
    fn flush(&mut self, mut each: impl FnMut(Unwrapped), now_ms: i64, at_once: bool) {
        let unwrapper = &mut self.unwrapper;
        self.lines.flush(now_ms, at_once, |line| {
            unwrapper.line(line).into_iter().for_each(&mut each)
        });
        if at_once || now_ms.saturating_sub(self.grown_ms) >= IDLE_MS {
            unwrapper.flush().into_iter().for_each(&mut each);
        }
        self.settle();
    }

    /// Gives everything held back, because the file has gone.
    pub(super) fn finish(&mut self, now_ms: i64, each: impl FnMut(Unwrapped)) {
        self.flush(each, now_ms, true);
    }

    /// When the last byte came, in milliseconds.
    pub(super) fn grown_ms(&self) -> i64 {
        self.grown_ms
    }

    /// While a line waits for its last piece, the position stays before its first.
    fn settle(&mut self) {
        if !self.unwrapper.is_holding() {
            self.safe = self.read.saturating_sub(self.lines.held() as u64);
        }
    }
}

/// The checksum of the first `len` bytes, or of as many as there are.
fn head(file: &File, len: u64) -> io::Result<Head> {
    let mut buffer = [0; HEAD as usize];
    let wanted = buffer
        .get_mut(..usize::try_from(len.min(HEAD)).unwrap_or(0))
        .unwrap_or_default();
    let mut filled = 0;
    while let Some(rest) = wanted.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(Head {
        len: filled as u64,
        hash: xxh3_64(wanted.get(..filled).unwrap_or_default()),
    })
}
