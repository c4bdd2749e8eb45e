//! All series in the order of their labels, kept: only new ones are sorted, and merged in.

use std::cmp::Ordering;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::head::page::{self, Page};

/// See the module. 4 bytes a series.
#[derive(Default)]
pub(crate) struct Order {
    /// Held while new ones are sorted.
    sorted: Mutex<Arc<Vec<u32>>>,
    new: Mutex<Vec<u32>>,
}

type Pages = Vec<Option<Arc<Page>>>;

impl Order {
    pub(crate) fn add(&self, ids: &[u32]) {
        self.new.lock().extend_from_slice(ids);
    }

    /// The ids in order; `pages` gives the pages that all of them are in.
    pub(crate) fn get(&self, pages: impl FnOnce() -> Pages) -> Arc<Vec<u32>> {
        let mut sorted = self.sorted.lock();
        let mut new = std::mem::take(&mut *self.new.lock());
        if new.is_empty() {
            return Arc::clone(&sorted);
        }
        let pages = pages();
        // The series of a page compare as numbers do; what is then in stretches sorts in few comparisons of text.
        for stretch in new.chunk_by_mut(|a, b| page::parts(*a).0 == page::parts(*b).0) {
            stretch.sort_by(|a, b| compare(&pages, *a, *b));
        }
        new.sort_by(|a, b| compare(&pages, *a, *b));
        *sorted = Arc::new(merge(&sorted, &new, |a, b| compare(&pages, a, b)));
        Arc::clone(&sorted)
    }

    /// Takes out the ids that `keep` does not.
    pub(crate) fn retain(&self, keep: impl Fn(u32) -> bool) {
        let mut sorted = self.sorted.lock();
        self.new.lock().retain(|&id| keep(id));
        *sorted = Arc::new(sorted.iter().copied().filter(|&id| keep(id)).collect());
    }
}

/// Of equal ones the older page comes first.
fn compare(pages: &Pages, a: u32, b: u32) -> Ordering {
    let ((a_page, a_slot), (b_page, b_slot)) = (page::parts(a), page::parts(b));
    let page = |index: u32| pages.get(index as usize).and_then(Option::as_deref);
    match (page(a_page), page(b_page)) {
        (Some(page), Some(_)) if a_page == b_page => page.labels.compare(a_slot, b_slot),
        (Some(a), Some(b)) => {
            let labels = a.labels.series(a_slot).cmp(b.labels.series(b_slot));
            labels.then(a.tag.cmp(&b.tag))
        }
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn merge(a: &[u32], b: &[u32], compare: impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let mut merged = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a, b);
    while let (Some((&x, rest_a)), Some((&y, rest_b))) = (a.split_first(), b.split_first()) {
        if compare(y, x) == Ordering::Less {
            merged.push(y);
            b = rest_b;
        } else {
            merged.push(x);
            a = rest_a;
        }
    }
    merged.extend_from_slice(a);
    merged.extend_from_slice(b);
    merged
}
