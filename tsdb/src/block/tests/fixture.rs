//! A block that an earlier build wrote, kept in tests/fixtures/block-v2: it stays readable as long as its version is.

use durable::RealFs;

use super::*;

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/block-v2")
}

/// What it holds.
fn content() -> Content {
    exporter_like(2026, 4, 40)
}

#[test]
fn the_kept_block_reads_as_it_was_written() {
    let block = Arc::new(Block::open(&RealFs, &dir(), &cache()).unwrap());
    block.verify().unwrap();
    assert!(same(&read_all(&block).unwrap(), &content()));
    assert_eq!((block.meta().id, block.meta().level), (2026, 1));
    assert_eq!(
        block.label_values("mode", None).unwrap(),
        ["idle", "system", "user"]
    );
}

/// Run by hand when the version changes: `cargo test -p tsdb --lib write_the_kept_block -- --ignored`.
#[test]
#[ignore = "writes the fixture"]
fn write_the_kept_block() {
    let fs = fs();
    let made = write(&fs, 2026, Effort::Best, &content()).unwrap();
    std::fs::create_dir_all(dir()).unwrap();
    for file in fs.list(&made).unwrap() {
        std::fs::write(dir().join(&file.name), fs.read(&made.join(&file.name)).unwrap()).unwrap();
    }
}
