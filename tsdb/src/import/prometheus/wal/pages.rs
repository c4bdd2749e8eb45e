//! A segment: pages of 32 KiB, in them fragments, of which one to many make a record.
//!
//! A place that does not check out costs the records in its page: reading goes on with the next page, as a log is all
//! there is of the newest samples.

use std::path::Path;

use durable::Fs;
use model::StoreError;

use super::super::file::Source;
use crate::bytes::checks_out;

const PAGE_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 7;
/// A record longer than this, before or after decompression, is damage. Prometheus logs a scrape at a time.
const MAX_RECORD_BYTES: usize = 256 << 20;

const SNAPPY: u8 = 1 << 3;
const ZSTD: u8 = 1 << 4;

/// A segment being read.
pub(in super::super) struct Segment {
    source: Source,
    /// Offset of `page` in the file.
    page_at: u64,
    page: Vec<u8>,
    /// The next fragment in `page`.
    at: usize,
    fragments: Vec<u8>,
    /// Whether `fragments` is the beginning of a record.
    open: bool,
    /// Whether this is the log's last segment, whose end may be torn.
    last: bool,
}

/// A fragment's place in its record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Full,
    First,
    Middle,
    Last,
}

impl Segment {
    pub(in super::super) fn open(fs: &dyn Fs, path: &Path, last: bool) -> Result<Segment, StoreError> {
        Ok(Segment {
            source: Source::open(fs, path)?,
            page_at: 0,
            page: Vec::new(),
            at: 0,
            fragments: Vec::new(),
            open: false,
            last,
        })
    }

    /// What is wrong at this place, for records that do not decode.
    pub(in super::super) fn fault(&self, detail: &str) -> String {
        self.source
            .corrupt(self.page_at + self.at as u64, detail)
            .to_string()
    }

    /// Puts the next record, decompressed, into `record`; `false` at the end. `tell` hears of damage.
    pub(in super::super) fn next(
        &mut self,
        record: &mut Vec<u8>,
        tell: &mut dyn FnMut(String),
    ) -> Result<bool, StoreError> {
        loop {
            if self.at >= self.page.len() && !self.turn()? {
                if self.open && !self.last {
                    tell(self.fault("segment ends within a record"));
                }
                return Ok(false);
            }
            match self.fragment() {
                Ok(None) => self.at = self.page.len(),
                Ok(Some((flags, part))) => {
                    if self.take(flags, part, record, tell) {
                        return Ok(true);
                    }
                }
                Err(detail) => {
                    // A kill leaves a page that ends early, which is nobody's fault.
                    let torn = self.last && self.page_at + self.page.len() as u64 >= self.source.len;
                    if !torn || self.page.len() == PAGE_BYTES {
                        tell(self.fault(detail));
                    }
                    self.open = false;
                    self.at = self.page.len();
                }
            }
        }
    }

    fn turn(&mut self) -> Result<bool, StoreError> {
        let next = self.page_at + self.page.len() as u64;
        if next >= self.source.len {
            return Ok(false);
        }
        let len = (self.source.len - next).min(PAGE_BYTES as u64);
        self.page = self.source.read(next, len)?;
        self.page_at = next;
        self.at = 0;
        Ok(true)
    }

    /// Checks the fragment at `at`: its flags and part; its content is then behind its header. `None`: the rest of the
    /// page is empty.
    fn fragment(&self) -> Result<Option<(u8, Part)>, &'static str> {
        let rest = self.page.get(self.at..).unwrap_or(&[]);
        let Some(&flags) = rest.first() else {
            return Ok(None);
        };
        let part = match flags & 7 {
            0 if rest.iter().all(|b| *b == 0) => return Ok(None),
            0 => return Err("page is not empty to its end"),
            1 => Part::Full,
            2 => Part::First,
            3 => Part::Middle,
            4 => Part::Last,
            _ => return Err("kind of fragment is not known"),
        };
        let content = self.content().ok_or("fragment reaches beyond its page")?;
        let crc = rest
            .get(3..HEADER_BYTES)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_be_bytes);
        if crc.is_none_or(|crc| !checks_out(content, crc)) {
            return Err("checksum of a fragment");
        }
        Ok(Some((flags, part)))
    }

    fn content(&self) -> Option<&[u8]> {
        let rest = self.page.get(self.at..)?;
        let len = u16::from_be_bytes(rest.get(1..3)?.try_into().ok()?);
        rest.get(HEADER_BYTES..)?.get(..usize::from(len))
    }

    /// Adds the checked fragment to its record; whether that is whole now.
    fn take(&mut self, flags: u8, part: Part, record: &mut Vec<u8>, tell: &mut dyn FnMut(String)) -> bool {
        let begins = matches!(part, Part::Full | Part::First);
        if begins == self.open {
            // Continuations of a record whose beginning was damaged have been told of already.
            if begins {
                tell(self.fault("a record begins within another"));
            }
            self.open = false;
        }
        let (from, len) = (self.at + HEADER_BYTES, self.content().map_or(0, <[u8]>::len));
        let content = self.page.get(from..from + len).unwrap_or(&[]);
        if begins {
            self.fragments.clear();
            self.open = true;
        }
        if self.open && self.fragments.len() + len > MAX_RECORD_BYTES {
            tell(self.fault("record is too long"));
            self.open = false;
        }
        if self.open {
            self.fragments.extend_from_slice(content);
        }
        let whole = self.open && matches!(part, Part::Full | Part::Last);
        let fine = !whole || decompress(flags, &self.fragments, record).is_some();
        if !fine {
            tell(self.fault("record does not decompress"));
        }
        self.open &= !whole;
        self.at = from + len;
        whole && fine
    }
}

fn decompress(flags: u8, bytes: &[u8], record: &mut Vec<u8>) -> Option<()> {
    record.clear();
    if flags & SNAPPY != 0 {
        let len = snap::raw::decompress_len(bytes).ok()?;
        // One copy of 64 bytes takes three: more than this cannot come of so few bytes.
        if len > MAX_RECORD_BYTES.min(bytes.len().saturating_mul(64)) {
            return None;
        }
        record.resize(len, 0);
        let written = snap::raw::Decoder::new().decompress(bytes, record).ok()?;
        return (written == len).then_some(());
    }
    if flags & ZSTD != 0 {
        use std::io::Read;
        let decoder = zstd::stream::Decoder::with_buffer(bytes).ok()?;
        let read = decoder
            .take(MAX_RECORD_BYTES as u64 + 1)
            .read_to_end(record)
            .ok()?;
        return (read <= MAX_RECORD_BYTES).then_some(());
    }
    record.extend_from_slice(bytes);
    Some(())
}
