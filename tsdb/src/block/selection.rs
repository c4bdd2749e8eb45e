//! Series of a block that satisfy matchers, with the places of their chunks.
//!
//! Who selects tens of thousands of series wants the labels of a few of them in the end, so that labels are put together when
//! they are asked for, a page of series at a time. What lies where is known for all: about 60 bytes a series while the
//! selection lives, and some 30 ns to find out. Several threads may read at once; nothing is locked but the cache, briefly.

mod read;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use model::{Labels, StoreError};
use roaring::RoaringBitmap;

use super::Block;
use super::chunk::{Chunk, Spans, chunks_of};
use super::entries::{EntryCursor, EntryPage, Kind};
use super::index::NEWEST;
use super::labels::Texts;
use super::meta::SERIES;
use super::newest::Newest;
use super::table::PageAt;
use crate::bytes::Malformed;

pub(crate) use read::BlockReader;

/// What a selection is for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// Identities of the series, to find them in other places.
    pub(crate) identities: bool,
    /// Only the newest sample of each.
    pub(crate) newest_only: bool,
}

/// See the module.
pub(crate) struct BlockSelection {
    block: Arc<Block>,
    groups: Vec<Group>,
    series: Vec<Selected>,
    /// Of all series, one after the other.
    chunks: Vec<Chunk>,
    /// The pages of chunks that the whole selection needs, ascending: who reads one can read the next ones too.
    pages: Vec<Range<u64>>,
    identities: Vec<u128>,
    /// The labels, as symbols of name and value, of series that are few in their page, and where each one's end.
    pairs: Vec<(u32, u32)>,
    pair_ends: Vec<u32>,
    texts: Texts,
}

/// So many series of a page are few.
const FEW: usize = 8;

/// The selected series of one page.
struct Group {
    page: PageAt,
    /// How many series the page has.
    count: u64,
    /// The first of them, in the selection, and how many they are.
    first: u32,
    len: u32,
    /// The number of the first one's pairs, where they are kept.
    pairs: Option<u32>,
    labels: OnceLock<Box<[Labels]>>,
    newest: Option<Arc<Newest>>,
}

#[derive(Clone, Copy)]
struct Selected {
    /// Which of its page.
    place: u32,
    /// Whether its last chunk here is the last of its floats in the block.
    ends: bool,
    /// The first of its chunks; they end where the next series' begin.
    chunks: u32,
}

impl Block {
    /// The series with these numbers that have a chunk which overlaps the range, in label order. Ends inclusive.
    pub(super) fn select_numbers(
        self: &Arc<Block>,
        wanted: &RoaringBitmap,
        (start_ms, end_ms): (i64, i64),
        needs: Needs,
    ) -> Result<BlockSelection, StoreError> {
        let mut sums = Sums::default();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut selection = BlockSelection {
            block: Arc::clone(self),
            groups: Vec::new(),
            series: Vec::with_capacity(wanted.len() as usize),
            chunks: Vec::with_capacity(wanted.len() as usize),
            pages: Vec::new(),
            identities: Vec::new(),
            pairs: Vec::new(),
            pair_ends: Vec::new(),
            texts: Texts::new(self)?,
        };
        let mut spans = Spans::default();
        let table = self.series_table()?;
        let missing = || self.missing(SERIES, "a series is not in the table");
        let mut numbers = wanted.iter().map(u64::from).peekable();
        while let Some(&number) = numbers.peek() {
            let at = table.find(number).ok_or_else(missing)?;
            let page = *table.get(at).ok_or_else(missing)?;
            let end = table.end_of(at);
            let entries = self.entries(page, end - page.first)?;
            let bad = |e: Malformed| self.index.corrupt(page.offset, &e.to_string());
            ranges.clear();
            ranges.extend(entries.chunk_ranges());
            let first = selection.series.len();
            let pairs_before = selection.pair_ends.len();
            let mut cursor = entries.cursor();
            while let Some(number) = numbers.next_if(|number| *number < end) {
                let place = number - page.first;
                if !cursor.advance_to(place).map_err(bad)? {
                    return Err(missing());
                }
                let chunks = selection.chunks.len();
                chunks_of(self, &cursor, &mut spans, &mut selection.chunks)?;
                let Some(ends) = selection.keep(chunks, start_ms, end_ms, needs.newest_only) else {
                    continue;
                };
                for chunk in selection.chunks.get_mut(chunks..).unwrap_or_default() {
                    let range = ranges.get(chunk.page as usize).cloned().unwrap_or(0..0);
                    chunk.page = note_page(&mut selection.pages, range);
                }
                if needs.identities {
                    selection
                        .identities
                        .push(sums.identity(&selection.texts, &mut cursor)?);
                }
                selection.series.push(Selected {
                    place: place as u32,
                    ends,
                    chunks: chunks as u32,
                });
                // Of a page that has many more they are kept, so that nobody needs to walk there again.
                if selection.series.len() - first <= FEW {
                    selection.pairs.extend_from_slice(&cursor.pairs);
                    selection.pair_ends.push(selection.pairs.len() as u32);
                }
            }
            let found = selection.series.len() - first;
            if found > FEW {
                selection.pair_ends.truncate(pairs_before);
                let end = selection.pair_ends.last().map_or(0, |end| *end as usize);
                selection.pairs.truncate(end);
            }
            if found > 0 {
                selection.groups.push(Group {
                    page,
                    count: end - page.first,
                    first: first as u32,
                    len: found as u32,
                    pairs: (found <= FEW).then_some(pairs_before as u32),
                    labels: OnceLock::new(),
                    newest: needs.newest_only.then(|| self.newest(page)).transpose()?,
                });
            }
        }
        Ok(selection)
    }

    fn newest(&self, page: PageAt) -> Result<Arc<Newest>, StoreError> {
        let key = self.key(NEWEST, page.offset);
        self.cache.get_or_load(key, || Ok(Newest::default()))
    }
}

impl BlockSelection {
    /// Drops those of the chunks from the given one on that do not concern the range; `None` where no samples are left, else
    /// whether the last of the floats are among them.
    fn keep(&mut self, from: usize, start_ms: i64, end_ms: i64, newest_only: bool) -> Option<bool> {
        let last = self.chunks.last().map(|chunk| (chunk.page, chunk.start));
        let mut kept = from;
        let mut floats = 0;
        let mut samples = 0;
        for at in from..self.chunks.len() {
            let chunk = *self.chunks.get(at)?;
            if chunk.concerns(start_ms, end_ms) {
                floats += usize::from(chunk.kind == Kind::Floats);
                samples += usize::from(chunk.kind != Kind::Starts);
                *self.chunks.get_mut(kept)? = chunk;
                kept += 1;
            }
        }
        self.chunks.truncate(if samples > 0 { kept } else { from });
        if samples == 0 {
            return None;
        }
        let newest = *self.chunks.last()?;
        // The newest of plain floats is the end of the last chunk, if that is asked for.
        if newest_only && floats == kept - from && newest.span.max_ms <= end_ms {
            self.chunks.truncate(from);
            self.chunks.push(newest);
        }
        Some(last == Some((newest.page, newest.start)))
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// The block they are in.
    pub(crate) fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// See [`crate::identity`]; empty where they were not asked for.
    pub(crate) fn identities(&self) -> &[u128] {
        &self.identities
    }

    fn chunks(&self, at: usize) -> &[Chunk] {
        let start = |at: usize| self.series.get(at).map(|series| series.chunks as usize);
        let range = start(at).unwrap_or(0)..start(at + 1).unwrap_or(self.chunks.len());
        self.chunks.get(range).unwrap_or_default()
    }

    /// The group of a series.
    fn group(&self, at: usize) -> Option<&Group> {
        let after = self.groups.partition_point(|group| group.first as usize <= at);
        self.groups.get(after.checked_sub(1)?)
    }

    /// The series of a group.
    fn members(&self, group: &Group) -> &[Selected] {
        let start = group.first as usize;
        self.series
            .get(start..start + group.len as usize)
            .unwrap_or_default()
    }

    /// The labels of a series.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub(crate) fn labels(&self, at: usize) -> Result<Labels, StoreError> {
        let missing = || self.block.missing(SERIES, "a series is not in its page");
        let group = self.group(at).ok_or_else(missing)?;
        let place = at - group.first as usize;
        if let Some(labels) = group.labels.get() {
            return labels.get(place).cloned().ok_or_else(missing);
        }
        let labels = self.labels_of(group)?;
        let wanted = labels.get(place).cloned().ok_or_else(missing);
        // Somebody else may have been quicker.
        let _ = group.labels.set(labels);
        wanted
    }

    fn labels_of(&self, group: &Group) -> Result<Box<[Labels]>, StoreError> {
        if let Some(first) = group.pairs {
            let numbers = first..first + group.len;
            return numbers
                .map(|number| self.texts.labels(self.pairs(number as usize)))
                .collect();
        }
        let block = &self.block;
        let entries: Arc<EntryPage> = block.entries(group.page, group.count)?;
        let bad = |e: Malformed| block.index.corrupt(group.page.offset, &e.to_string());
        let mut cursor = entries.cursor();
        let mut labels: Vec<Labels> = Vec::with_capacity(group.len as usize);
        // What a series shares with the one before is not looked up again.
        let mut texts = Vec::new();
        for selected in self.members(group) {
            cursor.advance_to(u64::from(selected.place)).map_err(bad)?;
            self.texts.texts(&cursor.pairs, cursor.unchanged, &mut texts)?;
            cursor.unchanged = cursor.pairs.len();
            labels.push(Labels::from_sorted(&texts));
        }
        Ok(labels.into_boxed_slice())
    }

    fn pairs(&self, number: usize) -> &[(u32, u32)] {
        let end = |number: usize| self.pair_ends.get(number).map(|end| *end as usize);
        let start = number.checked_sub(1).and_then(end).unwrap_or(0);
        self.pairs
            .get(start..end(number).unwrap_or(start))
            .unwrap_or_default()
    }

    /// The first and last time of a series' chunks in the selection, and how many samples these hold.
    pub(crate) fn span(&self, at: usize) -> Option<(i64, i64, u64)> {
        let samples = || self.chunks(at).iter().filter(|c| c.kind != Kind::Starts);
        let min_ms = samples().map(|c| c.span.min_ms).min()?;
        let max_ms = samples().map(|c| c.span.max_ms).max()?;
        Some((min_ms, max_ms, samples().map(|c| u64::from(c.span.count)).sum()))
    }

    /// Times between two others, inclusive, at which a series has a sample for sure: where its chunks begin and end.
    pub(crate) fn sure_times(&self, at: usize, start_ms: i64, end_ms: i64) -> impl Iterator<Item = i64> + '_ {
        let samples = self.chunks(at).iter().filter(|c| c.kind != Kind::Starts);
        let edges = samples.flat_map(|c| [c.span.min_ms, c.span.max_ms]);
        edges.filter(move |ms| (start_ms..=end_ms).contains(ms))
    }

    /// Bytes of a series' chunks before they are packed into pages.
    pub(crate) fn chunk_bytes(&self, at: usize) -> u64 {
        self.chunks(at).iter().map(|c| u64::from(c.len)).sum()
    }
}

/// The place of a page in the list, at whose end it is or will be.
fn note_page(pages: &mut Vec<Range<u64>>, page: Range<u64>) -> u32 {
    if pages.last() != Some(&page) {
        pages.push(page);
    }
    (pages.len() - 1) as u32
}

/// The sums of the identities of a series' first pair, its first two, and so on: what the next series shares with it costs
/// nothing.
#[derive(Default)]
struct Sums(Vec<u128>);

impl Sums {
    /// The identity of the series the cursor stands at.
    fn identity(&mut self, texts: &Texts, cursor: &mut EntryCursor<'_>) -> Result<u128, StoreError> {
        self.0.truncate(cursor.unchanged);
        let mut sum = self.0.last().copied().unwrap_or(0);
        for &(name, value) in cursor.pairs.get(self.0.len()..).unwrap_or_default() {
            sum = sum.wrapping_add(texts.identity(name, value)?);
            self.0.push(sum);
        }
        cursor.unchanged = cursor.pairs.len();
        Ok(sum)
    }
}
