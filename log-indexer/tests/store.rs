//! The log store as a user meets it, on the real disk, in memory, and on disks that fail.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

#[path = "store/crash.rs"]
mod crash;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/model_test.rs"]
mod model_test;
#[path = "store/search.rs"]
mod search;
#[path = "store/support.rs"]
mod support;
#[path = "store/upkeep.rs"]
mod upkeep;
