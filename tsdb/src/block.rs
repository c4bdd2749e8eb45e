//! A block: all series of one time range, immutable, in a folder of its own.

mod meta;

pub use meta::BlockMeta;
