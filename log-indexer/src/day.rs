//! A day's blocks as a query sees them: the lines file, and the index loaded into columns. Immutable.
//!
//! Loading reads the dictionary of streams of each index segment; what streams a query wants is then decided once a
//! day, not once a block. Finding candidates walks two columns of times, or the postings of the words given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, ReadFile};
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;
use tantivy::columnar::{Column, ColumnValues};
use tantivy::query::{BooleanQuery, EnableScoring, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Searcher, SegmentReader, TantivyError};

use crate::codec::Reader;
use crate::index::{self, BlockIndex};
use crate::lines::Locator;
use crate::options::IndexPlace;
use crate::{block, error, lines};

/// A day in nanoseconds and milliseconds.
pub(crate) const DAY_NS: i64 = DAY_MS * 1_000_000;
pub(crate) const DAY_MS: i64 = 24 * 3_600_000;

/// More words do not narrow a search noticeably.
const MAX_WORDS: usize = 32;

/// Which day (UTC) a time belongs to, counted from 1970-01-01.
pub(crate) fn day_of(timestamp_ns: i64) -> i64 {
    timestamp_ns.div_euclid(DAY_NS)
}

/// The name of a day's folder, `2026-11-21`: the proleptic Gregorian date by Howard Hinnant's `civil_from_days`.
pub(crate) fn folder_name(day: i64) -> String {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}")
}

/// The lines file in a day's folder.
pub(crate) fn lines_path(folder: &Path) -> PathBuf {
    folder.join("lines")
}

/// A block that may hold what is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
    pub(crate) count: u64,
    pub(crate) at: Locator,
    /// Its place in [`Day::streams`].
    pub(crate) stream: usize,
}

/// See the module.
pub(crate) struct Day {
    pub(crate) day: i64,
    pub(crate) streams: Vec<Labels>,
    /// How many bytes of the lines file count.
    pub(crate) committed: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) blocks: u64,
    name: String,
    file: Arc<dyn ReadFile>,
    index: Arc<BlockIndex>,
    searcher: Searcher,
    segments: Vec<SegmentColumns>,
}

struct SegmentColumns {
    docs: DocId,
    first_ns: Arc<dyn ColumnValues<i64>>,
    last_ns: Arc<dyn ColumnValues<i64>>,
    offset: Arc<dyn ColumnValues<u64>>,
    len: Arc<dyn ColumnValues<u64>>,
    count: Arc<dyn ColumnValues<u64>>,
    stream: Column<u64>,
    /// From the segment's number of a stream to the day's.
    streams: Vec<usize>,
}

impl Day {
    /// Opens a day of which `committed` bytes of lines count: brings its index up to there, making it anew if it must,
    /// and loads it. What does not check out is told to `damaged`.
    pub(crate) fn open(
        fs: &dyn Fs,
        folder: &Path,
        place: IndexPlace,
        day: i64,
        committed: u64,
        damaged: &mut dyn FnMut(String),
    ) -> Result<Day, StoreError> {
        let name = folder_name(day);
        let index_dir = folder.join("index");
        match index::guarded(|| existing_index(place, &index_dir, committed)) {
            Ok(Some(index)) => {
                let loaded = Self::load(fs, folder, Arc::new(index), day, committed, damaged);
                match loaded {
                    Err(StoreError::Corrupt { detail, .. }) => {
                        damaged(format!("index of {name}: {detail}, made anew"))
                    }
                    other => return other,
                }
            }
            Ok(None) => {}
            Err(error) => damaged(format!("index of {name}: {error}, made anew")),
        }
        let io = |e| StoreError::io(format!("clear {}", index_dir.display()), e);
        if fs.exists(&index_dir) {
            fs.remove_dir_all(&index_dir).map_err(io)?;
        }
        fs.create_dir_all(&index_dir).map_err(io)?;
        let index = BlockIndex::create(place, &index_dir).map_err(|e| error::from_index(&name, &e))?;
        Self::load(fs, folder, Arc::new(index), day, committed, damaged)
    }

    /// The same day after a cut, when `committed` bytes count.
    pub(crate) fn advance(
        &self,
        fs: &dyn Fs,
        folder: &Path,
        committed: u64,
        damaged: &mut dyn FnMut(String),
    ) -> Result<Day, StoreError> {
        Self::load(fs, folder, Arc::clone(&self.index), self.day, committed, damaged)
    }

    fn load(
        fs: &dyn Fs,
        folder: &Path,
        index: Arc<BlockIndex>,
        day: i64,
        committed: u64,
        damaged: &mut dyn FnMut(String),
    ) -> Result<Day, StoreError> {
        let name = folder_name(day);
        let corrupt = |e: TantivyError| error::from_index(&name, &e);
        let path = lines_path(folder);
        let file = fs
            .open(&path)
            .map_err(|e| StoreError::io(format!("open {}", path.display()), e))?;
        index
            .extend(&*file, committed, |what| {
                damaged(format!("{}: {what}", path.display()))
            })
            .map_err(corrupt)?;
        let searcher = index.searcher();
        let mut streams = StreamTable::default();
        let segments = searcher
            .segment_readers()
            .iter()
            .map(|reader| index::guarded(|| load_columns(reader, &mut streams)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(corrupt)?;
        let index_bytes: u64 = fs
            .list(&folder.join("index"))
            .map(|entries| entries.iter().map(|e| e.len).sum())
            .unwrap_or_default();
        Ok(Day {
            day,
            blocks: segments.iter().map(|s| u64::from(s.docs)).sum(),
            streams: streams.labels,
            committed,
            disk_bytes: committed + index_bytes,
            name,
            file,
            index,
            searcher,
            segments,
        })
    }

    /// The blocks of streams that `wanted` accepts, that span a part of `[start_ns, end_ns)` and have all `words`.
    pub(crate) fn candidates(
        &self,
        start_ns: i64,
        end_ns: i64,
        words: &[String],
        wanted: impl Fn(&Labels) -> bool,
    ) -> Result<Vec<Candidate>, StoreError> {
        let wanted: Vec<bool> = self.streams.iter().map(wanted).collect();
        let mut found = Vec::new();
        if !wanted.contains(&true) {
            return Ok(found);
        }
        let query = self.words_query(words);
        for (columns, reader) in self.segments.iter().zip(self.searcher.segment_readers()) {
            let mut take = |doc: DocId| {
                let candidate = columns.candidate(doc);
                let in_time = candidate.first_ns < end_ns && candidate.last_ns >= start_ns;
                if in_time && wanted.get(candidate.stream).copied().unwrap_or_default() {
                    found.push(candidate);
                }
            };
            match &query {
                None => (0..columns.docs).for_each(&mut take),
                Some(query) => index::guarded(|| {
                    let weight = query.weight(EnableScoring::disabled_from_searcher(&self.searcher))?;
                    weight.for_each_no_score(reader, &mut |docs| docs.iter().copied().for_each(&mut take))
                })
                .map_err(|e| error::from_index(&self.name, &e))?,
            }
        }
        Ok(found)
    }

    fn words_query(&self, words: &[String]) -> Option<BooleanQuery> {
        let terms: Vec<Box<dyn Query>> = words
            .iter()
            .take(MAX_WORDS)
            .map(|word| -> Box<dyn Query> {
                Box::new(TermQuery::new(self.index.term(word), IndexRecordOption::Basic))
            })
            .collect();
        (!terms.is_empty()).then(|| BooleanQuery::intersection(terms))
    }

    /// Reads and decompresses a block.
    ///
    /// # Errors
    /// A sentence on what does not check out.
    pub(crate) fn read(&self, candidate: &Candidate) -> Result<block::Block, String> {
        lines::read(&*self.file, candidate.at)
            .and_then(|payload| block::decode(&payload).ok_or_else(|| "makes no sense".to_owned()))
            .map_err(|why| format!("block at byte {} of {}: {why}", candidate.at.offset, self.name))
    }
}

/// An index on disk that can be gone on with; `None` where there is none.
fn existing_index(place: IndexPlace, dir: &Path, committed: u64) -> Result<Option<BlockIndex>, TantivyError> {
    if place == IndexPlace::Memory || !dir.join("meta.json").exists() {
        return Ok(None);
    }
    let index = BlockIndex::open(dir)?;
    match index.covered()? {
        Some(covered) if covered <= committed => Ok(Some(index)),
        _ => Err(TantivyError::InternalError("not of these lines".to_owned())),
    }
}

/// The streams of a day, numbered as they are met.
#[derive(Default)]
struct StreamTable {
    numbers: FxHashMap<Labels, usize>,
    labels: Vec<Labels>,
}

impl StreamTable {
    fn number(&mut self, labels: Labels) -> usize {
        let next = self.labels.len();
        *self.numbers.entry(labels).or_insert_with_key(|labels| {
            self.labels.push(labels.clone());
            next
        })
    }
}

fn load_columns(reader: &SegmentReader, table: &mut StreamTable) -> Result<SegmentColumns, TantivyError> {
    let fast = reader.fast_fields();
    let column = fast
        .bytes(index::STREAM)?
        .ok_or_else(|| TantivyError::InternalError("no column of streams".to_owned()))?;
    let mut streams = Vec::with_capacity(column.num_terms());
    let mut terms = column.dictionary().stream()?;
    while terms.advance() {
        let labels = Reader::new(terms.key())
            .labels()
            .ok_or_else(|| TantivyError::InternalError("labels make no sense".to_owned()))?;
        streams.push(table.number(labels));
    }
    Ok(SegmentColumns {
        docs: reader.max_doc(),
        first_ns: fast.column_first_or_default(index::FIRST_NS)?,
        last_ns: fast.column_first_or_default(index::LAST_NS)?,
        offset: fast.column_first_or_default(index::OFFSET)?,
        len: fast.column_first_or_default(index::LEN)?,
        count: fast.column_first_or_default(index::COUNT)?,
        stream: column.ords().clone(),
        streams,
    })
}

impl SegmentColumns {
    fn candidate(&self, doc: DocId) -> Candidate {
        let ord = self.stream.first(doc).and_then(|ord| usize::try_from(ord).ok());
        Candidate {
            first_ns: self.first_ns.get_val(doc),
            last_ns: self.last_ns.get_val(doc),
            count: self.count.get_val(doc),
            at: Locator {
                offset: self.offset.get_val(doc),
                len: self.len.get_val(doc),
            },
            stream: ord
                .and_then(|ord| self.streams.get(ord).copied())
                .unwrap_or(usize::MAX),
        }
    }
}

/// Days in order, shared by snapshots.
pub(crate) type Days = Arc<BTreeMap<i64, Arc<Day>>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_by_date() {
        assert_eq!(folder_name(0), "1970-01-01");
        assert_eq!(folder_name(-1), "1969-12-31");
        assert_eq!(folder_name(11_016), "2000-02-29");
        assert_eq!(folder_name(20_778), "2026-11-21");
        assert_eq!(day_of(-1), -1);
    }
}
