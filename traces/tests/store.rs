//! The span store as its users know it: through the traits, on a real folder, in memory, and on failing disks.

// A helper that fails is a test that fails; the lint knows only functions marked as tests.
#![allow(clippy::unwrap_used)]

#[path = "store/blocks.rs"]
mod blocks;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/crash.rs"]
mod crash;
#[path = "store/kill.rs"]
mod kill;
#[path = "store/model.rs"]
mod model_test;
#[path = "store/support.rs"]
mod support;
