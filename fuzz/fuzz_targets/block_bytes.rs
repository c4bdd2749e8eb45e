//! A block that was right until some of its bytes changed: file, place and new byte, four bytes of the input each.
#![no_main]

use std::cell::LazyCell;
use std::path::PathBuf;

use durable::{Fs, MemoryFs};

thread_local! {
    static RIGHT: LazyCell<(PathBuf, Vec<(PathBuf, Vec<u8>)>)> = LazyCell::new(|| {
        let fs = MemoryFs::new();
        let dir = fuzz::blocks::small(&fs);
        let paths = ["meta", "index", "chunks"].map(|name| dir.join(name));
        let files = paths.map(|path| (path.clone(), fs.read(&path).expect("it is there")));
        (dir, files.into())
    });
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    RIGHT.with(|right| {
        let (dir, files) = &**right;
        let mut files = files.clone();
        for change in bytes.chunks_exact(4) {
            let (_, content) = &mut files[usize::from(change[0]) % 3];
            let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % content.len();
            content[at] = change[3];
        }
        let fs = MemoryFs::new();
        for (path, content) in &files {
            fuzz::put(&fs, path, content);
        }
        fuzz::blocks::ask(&fs, dir);
    });
});
