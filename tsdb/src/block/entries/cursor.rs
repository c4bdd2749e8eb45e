//! A walk over the series of a page, which may leap over those that nobody asked for.
//!
//! A series is told by what differs from the one before, so that whoever wants a single one walks over others. Every
//! sixteenth is a place to begin at: what the walk knows there is remembered with the page, about a kilobyte, once somebody
//! leaps.

use super::{ChunkEntry, EntryPage, MAX_CHUNKS, Prediction, get_head, get_labels};
use crate::bytes::{Cursor, Malformed};

/// So many series from one place to begin at to the next.
const EVERY: u64 = 16;

/// A leap over fewer series is none.
const WORTH: u64 = 4;

/// So many pairs are remembered at most, and one more for each byte of the page, whatever it says.
const MOST_PAIRS: usize = 4096;

/// A chunk with its place in the pages of chunks that belong to a page of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::block) struct PlacedChunk {
    pub(in crate::block) entry: ChunkEntry,
    /// Which page of chunks.
    pub(in crate::block) page: usize,
    /// Where in its content.
    pub(in crate::block) start: u32,
}

/// What a walk knows between two series.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// What is left of the three streams, in bytes.
    labels: usize,
    heads: usize,
    lens: usize,
    predicted: Prediction,
    chunk_page: usize,
    chunk_start: u32,
}

/// The places in a page to begin at: before the sixteenth series, the thirty-second, and so on.
#[derive(Default)]
pub(super) struct Restarts {
    states: Vec<State>,
    /// The labels of the series before each, and where they end.
    pairs: Vec<(u32, u32)>,
    ends: Vec<usize>,
}

impl Restarts {
    /// What they take in a page of so many series, roughly.
    pub(super) fn bytes(count: u64) -> usize {
        const LABELS: usize = 8;
        (count / EVERY) as usize
            * (size_of::<State>() + size_of::<usize>() + LABELS * size_of::<(u32, u32)>())
    }

    /// None where the page is malformed: whoever walks there will find out.
    fn of(page: &EntryPage) -> Restarts {
        let mut restarts = Restarts::default();
        let mut cursor = page.cursor();
        let bound = MOST_PAIRS + page.bytes.len();
        while let Ok(true) = cursor.advance() {
            if restarts.pairs.len() > bound {
                break;
            }
            if cursor.next.is_multiple_of(EVERY) {
                restarts.states.push(cursor.state());
                restarts.pairs.extend_from_slice(&cursor.pairs);
                restarts.ends.push(restarts.pairs.len());
            }
        }
        restarts
    }

    fn pairs(&self, at: usize) -> &[(u32, u32)] {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = start.copied().unwrap_or(0)..self.ends.get(at).copied().unwrap_or(0);
        self.pairs.get(range).unwrap_or_default()
    }
}

/// Walks over the series of a page.
pub(in crate::block) struct EntryCursor<'a> {
    page: &'a EntryPage,
    /// The series it comes to next.
    next: u64,
    labels: Cursor<'a>,
    heads: Cursor<'a>,
    lens: Cursor<'a>,
    predicted: Prediction,
    chunk_page: usize,
    chunk_start: u32,
    /// The labels of the series it stands at, as symbols of name and value.
    pub(in crate::block) pairs: Vec<(u32, u32)>,
    /// How many of the first pairs are those they were when this was last set to the number of pairs.
    pub(in crate::block) unchanged: usize,
    /// Its chunks.
    pub(in crate::block) chunks: Vec<PlacedChunk>,
}

impl<'a> EntryCursor<'a> {
    /// Stands before the first series.
    pub(super) fn new(page: &'a EntryPage) -> EntryCursor<'a> {
        let mut cursor = EntryCursor {
            page,
            next: 0,
            labels: Cursor::new(&[]),
            heads: Cursor::new(&[]),
            lens: Cursor::new(&[]),
            predicted: Prediction::default(),
            chunk_page: 0,
            chunk_start: 0,
            pairs: Vec::new(),
            unchanged: 0,
            chunks: Vec::new(),
        };
        cursor.set(&State {
            labels: page.heads.saturating_sub(page.labels),
            heads: page.lens.saturating_sub(page.heads),
            lens: page.bytes.len().saturating_sub(page.lens),
            predicted: Prediction {
                column: page.first_column,
                ms: 0,
            },
            ..State::default()
        });
        cursor
    }

    fn state(&self) -> State {
        State {
            labels: self.labels.rest().len(),
            heads: self.heads.rest().len(),
            lens: self.lens.rest().len(),
            predicted: self.predicted,
            chunk_page: self.chunk_page,
            chunk_start: self.chunk_start,
        }
    }

    fn set(&mut self, state: &State) {
        let page = self.page;
        let stream = |end: usize, left: usize| {
            let range = end.saturating_sub(left)..end;
            Cursor::new(page.bytes.get(range).unwrap_or_default())
        };
        self.labels = stream(page.heads, state.labels);
        self.heads = stream(page.lens, state.heads);
        self.lens = stream(page.bytes.len(), state.lens);
        self.predicted = state.predicted;
        self.chunk_page = state.chunk_page;
        self.chunk_start = state.chunk_start;
    }

    /// Moves to the series with this number in the page, which must not lie behind; `false` where there is none.
    pub(in crate::block) fn advance_to(&mut self, number: u64) -> Result<bool, Malformed> {
        let segment = number / EVERY;
        if segment * EVERY > self.next + WORTH
            && let Some(at) = (segment as usize).checked_sub(1)
        {
            let restarts = self.page.restarts.get_or_init(|| Restarts::of(self.page));
            if let Some(state) = restarts.states.get(at) {
                self.set(state);
                self.next = segment * EVERY;
                self.pairs.clear();
                self.pairs.extend_from_slice(restarts.pairs(at));
                self.unchanged = 0;
            }
        }
        while self.next <= number {
            if !self.advance()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves to the next series; `false` at the end.
    pub(in crate::block) fn advance(&mut self) -> Result<bool, Malformed> {
        if self.next >= self.page.count {
            let used_up = self.labels.is_empty() && self.heads.is_empty() && self.lens.is_empty();
            return if used_up { Ok(false) } else { Err(Malformed) };
        }
        self.next += 1;
        let shared = get_labels(&mut self.labels, &mut self.pairs)?;
        self.unchanged = self.unchanged.min(shared);
        self.chunks.clear();
        let count = self.heads.varint()?;
        if count > MAX_CHUNKS {
            return Err(Malformed);
        }
        let mut predicted = self.predicted;
        for i in 0..count {
            let (kind, times) = get_head(&mut self.heads, &mut predicted)?;
            if i == 0 {
                self.predicted.follow(&times);
            }
            let len = self.lens.u32_varint()?;
            self.place(ChunkEntry { kind, times, len })?;
        }
        Ok(true)
    }

    /// The next chunk lies right behind the one before, or at the start of the next page of chunks.
    fn place(&mut self, entry: ChunkEntry) -> Result<(), Malformed> {
        let content = |page: usize| {
            let page = self.page.chunk_pages.get(page);
            page.map(|p| p.content).ok_or(Malformed)
        };
        if self.chunk_start > 0 && content(self.chunk_page)? == self.chunk_start {
            self.chunk_page += 1;
            self.chunk_start = 0;
        }
        let end = self.chunk_start.checked_add(entry.len).ok_or(Malformed)?;
        if end > content(self.chunk_page)? || entry.len == 0 {
            return Err(Malformed);
        }
        self.chunks.push(PlacedChunk {
            entry,
            page: self.chunk_page,
            start: self.chunk_start,
        });
        self.chunk_start = end;
        Ok(())
    }
}
