//! What a page says of its families, read only where it is not what the last page said.
//!
//! The lines that describe one family and stand together are one block: as long as the next page has the same bytes at
//! the same place they are stepped over. Everything that is read anew is made one with what other targets say.

use std::ops::Range;
use std::sync::Arc;

use model::metrics::Metadata;
use rustc_hash::FxHashSet;

use super::batch::Batch;
use super::cache::{Block, ScrapeCache, text_hash};
use super::families::Family;
use crate::exposition::{Event, Parser, unescape_help};

/// Families of one target that are remembered, and bytes of a help text.
const MAX_FAMILIES: usize = 10_000;
const MAX_HELP_BYTES: usize = 4096;
/// So many blocks may be missing from the page before the rest is read anew.
const LOOK_AHEAD: usize = 4;

/// The descriptions of one page, as far as it has been read.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    /// The block that should come next.
    next: usize,
    /// All blocks of the page, where they are not simply the first ones of the last page.
    all: Option<Vec<(Block, Arc<Family>)>>,
    /// A block of which more lines may follow.
    open: Option<(Range<usize>, Family)>,
}

impl Descriptions {
    /// Steps over a block that says what it said last time.
    pub(super) fn skip(&mut self, cache: &ScrapeCache, parser: &mut Parser<'_>) -> bool {
        if self.open.is_some() {
            return false;
        }
        for place in self.next..=self.next + LOOK_AHEAD {
            let Some(block) = cache.blocks.get(place) else {
                break;
            };
            if parser.skip_lines(block.len as usize, |text| text_hash(text) == block.hash) {
                if place > self.next {
                    self.depart(cache);
                }
                if let (Some(all), Some(family)) = (&mut self.all, cache.families.get(place)) {
                    all.push((*block, family.clone()));
                }
                self.next = place + 1;
                return true;
            }
        }
        false
    }

    /// Takes in one line, which lies at `place` of the body.
    pub(super) fn read(&mut self, cache: &ScrapeCache, body: &[u8], event: &Event<'_>, place: Range<usize>) {
        let name = match event {
            Event::Type { family, .. } | Event::Help { family, .. } | Event::Unit { family, .. } => *family,
            Event::Series(_) | Event::Comment(_) | Event::Eof => return self.close(cache, body),
        };
        if self.open.as_ref().is_some_and(|(_, open)| *open.name != *name) {
            self.close(cache, body);
        }
        let (range, family) = self.open.get_or_insert_with(|| {
            let metadata = Metadata::default();
            let name = name.into();
            (place.clone(), Family { name, metadata })
        });
        range.end = place.end;
        let metadata = &mut family.metadata;
        match event {
            Event::Type { metric_type, .. } => metadata.metric_type = *metric_type,
            Event::Help { text, .. } => metadata.help = bounded(text),
            Event::Unit { unit, .. } => metadata.unit = bounded(unit),
            Event::Series(_) | Event::Comment(_) | Event::Eof => {}
        }
    }

    /// Ends the block that is open, if there is one.
    pub(super) fn close(&mut self, cache: &ScrapeCache, body: &[u8]) {
        let Some((place, family)) = self.open.take() else {
            return;
        };
        self.depart(cache);
        let text = body.get(place).unwrap_or_default();
        let block = Block {
            hash: text_hash(text),
            len: u32::try_from(text.len()).unwrap_or(u32::MAX),
        };
        if let Some(all) = self.all.as_mut().filter(|all| all.len() < MAX_FAMILIES) {
            all.push((block, cache.shared.shared(family)));
        }
    }

    fn depart(&mut self, cache: &ScrapeCache) {
        let known = cache.blocks.iter().copied().zip(cache.families.iter().cloned());
        let next = self.next;
        self.all.get_or_insert_with(|| known.take(next).collect());
    }

    /// Makes what the page says what the next is compared with.
    pub(super) fn accept(mut self, cache: &mut ScrapeCache, batch: &mut Batch) {
        if self.next < cache.blocks.len() {
            self.depart(cache);
        }
        let Some(all) = self.all else { return };
        let before: FxHashSet<*const Family> = cache.families.iter().map(Arc::as_ptr).collect();
        let (blocks, families): (Vec<Block>, Vec<Arc<Family>>) = all.into_iter().unzip();
        let new = families
            .iter()
            .filter(|family| !before.contains(&Arc::as_ptr(family)));
        batch.changed.extend(new.cloned());
        cache.blocks = blocks;
        cache.blocks.shrink_to_fit();
        cache.families = families.into();
    }
}

/// At most so many bytes of a text, unescaped.
fn bounded(text: &str) -> String {
    let mut end = text.len().min(MAX_HELP_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    unescape_help(text.get(..end).unwrap_or_default()).into_owned()
}
