//! The file of the queries under way: what it holds after a crash is what ran then.
//!
//! The format is Prometheus' `queries.active`: `[`, then for each place a thousand bytes: zeros while it is free, or
//! `{"query":"…","timestamp_sec":…}` padded with zeros and ended by a comma. Writes go to the page cache, which outlives
//! the process; nothing is synced, for a query is no data.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

const PLACE_BYTES: usize = 1000;

/// A file of more places than this was made by somebody else.
const MAX_PLACES: u64 = 1 << 16;

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    query: std::borrow::Cow<'a, str>,
    timestamp_sec: i64,
}

/// The open file and its free places.
pub(super) struct ActiveFile {
    file: File,
    free: Mutex<Vec<usize>>,
}

impl ActiveFile {
    pub(super) fn create(path: &Path, places: usize) -> io::Result<ActiveFile> {
        let file = File::options()
            .create(true)
            .write(true)
            .truncate(true)
            .open(path)?;
        file.set_len((1 + places * PLACE_BYTES) as u64)?;
        file.write_all_at(b"[", 0)?;
        Ok(ActiveFile {
            file,
            free: Mutex::new((0..places).rev().collect()),
        })
    }

    /// Writes a query into a free place; none if all are taken or the disk refuses.
    pub(super) fn put(&self, query: &str, now_ms: i64) -> Option<usize> {
        let place = self.free.lock().pop()?;
        let written = self.file.write_all_at(&record(query, now_ms), offset(place));
        if written.is_err() {
            self.free.lock().push(place);
            return None;
        }
        Some(place)
    }

    pub(super) fn clear(&self, place: usize) {
        // Where it fails the next start tells of a query that had ended; no reason to fail the query.
        let _ = self.file.write_all_at(&[0; PLACE_BYTES], offset(place));
        self.free.lock().push(place);
    }
}

fn offset(place: usize) -> u64 {
    (1 + place * PLACE_BYTES) as u64
}

/// A place's bytes: of a query that is too long, its beginning.
fn record(query: &str, now_ms: i64) -> [u8; PLACE_BYTES] {
    let mut len = boundary(query, PLACE_BYTES);
    let json = loop {
        let kept = Kept {
            query: query.get(..len).unwrap_or("").into(),
            timestamp_sec: now_ms.div_euclid(1000),
        };
        let json = serde_json::to_vec(&kept).unwrap_or_default();
        if json.len() < PLACE_BYTES {
            break json;
        }
        len = boundary(query, len.saturating_sub(json.len() + 1 - PLACE_BYTES));
    };
    let mut place = [0; PLACE_BYTES];
    if let Some(begin) = place.get_mut(..json.len()) {
        begin.copy_from_slice(&json);
    }
    place[PLACE_BYTES - 1] = b',';
    place
}

/// The last end of a character up to `len` bytes.
fn boundary(text: &str, len: usize) -> usize {
    let mut ends = (0..=len.min(text.len())).rev();
    ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

/// The queries that the file at `path` holds, each with the second of its begin. None where there is no such file, and
/// none of what cannot be read.
pub fn unfinished(path: &Path) -> Vec<(String, i64)> {
    let Ok(file) = File::open(path) else {
        return Vec::new();
    };
    let len = file.metadata().map_or(0, |m| m.len());
    let places = (len.saturating_sub(1) / PLACE_BYTES as u64).min(MAX_PLACES);
    let mut found = Vec::new();
    for place in 0..usize::try_from(places).unwrap_or(0) {
        let mut bytes = [0; PLACE_BYTES];
        if file.read_exact_at(&mut bytes, offset(place)).is_err() {
            break;
        }
        let text = bytes.split(|b| *b == 0).next().unwrap_or(&[]);
        let text = text.strip_suffix(b",").unwrap_or(text);
        if let Ok(kept) = serde_json::from_slice::<Kept<'_>>(text) {
            found.push((kept.query.into_owned(), kept.timestamp_sec));
        }
    }
    found
}
