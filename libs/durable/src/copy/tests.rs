use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::{FaultyFs, MemoryFs, RealFs};

fn fill(fs: &dyn Fs, dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fs.create_dir_all(&dir.join("from/inner")).expect("folders");
    let files = [
        ("a", vec![7; 3_000_000]),
        ("b", Vec::new()),
        ("c", b"end".to_vec()),
    ];
    let mut expected = Vec::new();
    for (name, bytes) in files {
        let mut file = fs.create(&dir.join("from").join(name)).expect("a file");
        file.write_all(&bytes).expect("written");
        file.sync().expect("synced");
        expected.push((dir.join("to").join(name), bytes));
    }
    expected
}

fn linked_and_kept(fs: &dyn Fs, dir: &Path) {
    let expected = fill(fs, dir);
    link_dir(fs, &dir.join("from"), &dir.join("to")).expect("linked");
    // What the copy has is not touched by what becomes of the original.
    fs.remove_dir_all(&dir.join("from")).expect("removed");
    assert_eq!(fs.list(&dir.join("to")).expect("listed").len(), 3);
    for (path, bytes) in expected {
        assert_eq!(fs.read(&path).expect("there"), bytes);
    }
    let again = fs.hard_link(&dir.join("to/a"), &dir.join("to/c"));
    assert_eq!(again.expect_err("taken").kind(), ErrorKind::AlreadyExists);
    let nothing = fs.hard_link(&dir.join("to/x"), &dir.join("to/y"));
    assert_eq!(nothing.expect_err("absent").kind(), ErrorKind::NotFound);
}

#[test]
fn links_keep_what_they_name() {
    linked_and_kept(&MemoryFs::new(), Path::new("/data"));
    let dir = tempfile::tempdir().expect("a folder");
    linked_and_kept(&RealFs, dir.path());
}

#[test]
fn where_links_are_not_possible_files_are_copied() {
    let memory = MemoryFs::new();
    let expected = fill(&memory, Path::new("/data"));
    let faulty = FaultyFs::new(Arc::new(memory.clone()));
    // The folder, then the first link.
    faulty.fail(1, ErrorKind::CrossesDevices, false);
    link_dir(&faulty, Path::new("/data/from"), Path::new("/data/to")).expect("copied");
    memory.power_cut();
    for (path, bytes) in expected {
        assert_eq!(memory.read(&path).expect("there"), bytes);
    }
    faulty.fail(1, ErrorKind::StorageFull, false);
    let full = link_dir(&faulty, Path::new("/data/from"), Path::new("/data/other"));
    assert!(full.expect_err("no room").is_disk_full());
}
