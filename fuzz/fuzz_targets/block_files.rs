//! A block whose three files are the input's.
#![no_main]

use std::path::Path;

use durable::MemoryFs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let fs = MemoryFs::new();
    let dir = Path::new(fuzz::blocks::DIR).join("0000000001_0_1");
    let mut pieces = fuzz::pieces(bytes);
    for name in ["meta", "index", "chunks"] {
        fuzz::put(&fs, dir.join(name), pieces.next().unwrap_or_default());
    }
    fuzz::blocks::ask(&fs, &dir);
});
