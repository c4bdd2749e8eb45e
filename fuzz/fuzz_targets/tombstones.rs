//! The file of tombstones, and its frames' payloads.
#![no_main]

use std::path::Path;

use durable::{MemoryFs, frame};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let fs = MemoryFs::new();
    fuzz::put(&fs, "/db/tombstones", bytes);
    tsdb::fuzzing::tombstones(&fs, Path::new("/db"));
    let mut file = b"MHTMB\x00\x00\x01".to_vec();
    fuzz::pieces(bytes).for_each(|payload| frame::encode(1, payload, &mut file));
    fuzz::put(&fs, "/db/tombstones", &file);
    tsdb::fuzzing::tombstones(&fs, Path::new("/db"));
});
