//! A log of Prometheus: segments of 32 KiB pages, records that may be compressed, and what is in the records.

mod pages;
mod records;

pub(super) use pages::Segment;
pub(super) use records::{Kind, Record};
