//! Buffers a thread keeps between columns, so that coding a column allocates nothing.

use std::cell::RefCell;

use super::entropy::Table;
use super::exceptions::Run;
use super::integers::Residuals;

/// What one column needs while it is coded: a few times its own size.
#[derive(Default)]
pub(super) struct Scratch {
    /// The column as integers, and the corrections to them.
    pub(super) numbers: Vec<i64>,
    pub(super) corrections: Vec<i64>,
    pub(super) runs: Vec<Run>,
    /// A second candidate encoding, to compare with the first.
    pub(super) candidate: Vec<u8>,
    pub(super) residuals: Residuals,
    pub(super) table: Table,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `f` with the buffers of this thread. `f` must not come back here.
pub(super) fn with<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(f)
}
