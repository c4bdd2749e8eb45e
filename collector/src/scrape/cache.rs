//! What a target's loop remembers from one scrape to the next: which text means which series.
//!
//! A target shows the same series in the same order again and again, so its memory is the last good page in short: for
//! each series, in the page's order, a hash of its text and the sink's handle; for each run of comments that describe a
//! family, a hash of its bytes. Neither text nor labels are kept: what the next page shows at the same place has the
//! same hash or is looked for by an index that lives while the page is read.
//!
//! Costs 24 bytes a series, 16 bytes a family and one reference to what the family says, see [`Families`].

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use model::metrics::{Metadata, SeriesRef};
use xxhash_rust::xxh3::xxh3_64_with_secret;

use super::families::{Families, Family, by_name};

/// Used as it is for texts of any length, unlike a seed, from which a secret is derived for each longer text.
static SECRET: LazyLock<[u8; 192]> = LazyLock::new(|| {
    let (mut secret, random) = ([0; 192], RandomState::new());
    for (i, part) in secret.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&random.hash_one(i).to_le_bytes());
    }
    secret
});

/// The hash by which text is known again. Keyed with a secret of this process, so that no page can be made to contain
/// two texts that meet; by chance, two of a million do so in one of 10^7 processes.
pub(super) fn text_hash(text: &[u8]) -> u64 {
    xxh3_64_with_secret(text, &*SECRET)
}

/// A series that the target has exposed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Of its text on the page.
    pub(super) hash: u64,
    /// The sink's handle, unknown where the sink refused the series.
    pub(super) series: SeriesRef,
    /// Of its text, in bytes.
    pub(super) len: u32,
    /// Equal to [`ScrapeCache::round`] where the page that is being read has shown it.
    pub(super) seen: bool,
    /// Whether its end needs a staleness marker: it has a current sample without a timestamp of its own.
    pub(super) live: bool,
    /// Whether metric relabelling drops it.
    pub(super) dropped: bool,
}

const _: () = assert!(size_of::<Entry>() == 24, "a hundred thousand of these are kept");

/// A run of lines that describe one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) hash: u64,
    pub(super) len: u32,
}

/// The memory of one target. Bounded by the last good page.
#[derive(Debug, Default)]
pub struct ScrapeCache {
    /// The series of the last good page, in its order.
    pub(super) entries: Vec<Entry>,
    /// Changes with every page.
    pub(super) round: bool,
    /// Series that an earlier set of rules made; they end unless the next scrape shows them again.
    pub(super) orphans: Vec<SeriesRef>,
    /// The descriptions of the last good page, in its order.
    pub(super) blocks: Vec<Block>,
    /// What each of them says.
    pub(super) families: Arc<[Arc<Family>]>,
    pub(super) shared: Arc<Families>,
}

impl ScrapeCache {
    /// A cache that knows nothing, and shares what families say with others.
    pub fn new(shared: Arc<Families>) -> ScrapeCache {
        ScrapeCache {
            shared,
            ..ScrapeCache::default()
        }
    }

    /// Forgets how pages map to series, because the rules changed, but not which series have to end.
    pub fn rules_changed(&mut self) {
        let live = self.entries.drain(..).filter(|entry| entry.live);
        self.orphans.extend(live.map(|entry| entry.series));
    }

    /// Forgets handles that the sink no longer knows, given sorted; their series are made anew from the page.
    pub(super) fn forget(&mut self, handles: &[u64]) {
        for entry in &mut self.entries {
            if handles.binary_search(&entry.series.0).is_ok() {
                entry.series = SeriesRef::UNKNOWN;
            }
        }
    }

    /// What families say of themselves, for the API.
    pub fn metadata(&self) -> Vec<(String, Metadata)> {
        by_name(&self.families)
    }
}
