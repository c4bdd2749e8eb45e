//! The file of what metric families say of themselves, and its entries.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use durable::{MemoryFs, frame};
use tsdb::metadata::Families;

fn open(file: &[u8]) {
    let fs = MemoryFs::new();
    let path = Path::new("/db/metadata");
    fuzz::put(&fs, path, file);
    let families = Families::open(Arc::new(fs.clone()), path).expect("damage is no error");
    let all = families.all();
    families.set("one_more", &model::metrics::Metadata::default());
    families.save().expect("memory does not fail");
    let again = Families::open(Arc::new(fs), path).expect("what was written reads");
    assert!(
        all.iter()
            .all(|(family, metadata)| family == "one_more" || again.get(family).as_ref() == Some(metadata))
    );
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    open(bytes);
    let mut file = b"MHFAM\x00\x00\x01".to_vec();
    frame::encode(
        1,
        &zstd::bulk::compress(bytes, 1).expect("memory does not fail"),
        &mut file,
    );
    open(&file);
});
