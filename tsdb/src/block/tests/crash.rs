//! A disk that fails at any call, and power that goes at any moment: a block is there whole or not at all.

use std::io::ErrorKind;

use durable::FaultyFs;

use super::*;
use crate::compact::merge_blocks;

/// Lets each changing call of `make` fail in turn, once and for good, and checks what is left.
fn check_all_failures(
    memory: &MemoryFs,
    make: &dyn Fn(&dyn Fs) -> Result<PathBuf, StoreError>,
    expected: &Content,
) {
    let before = memory.list(Path::new(DIR)).unwrap();
    let faulty = FaultyFs::new(Arc::new(memory.clone()));
    let dir = make(&faulty).unwrap();
    let calls = faulty.calls();
    assert!(calls > 10);
    memory.remove_dir_all(&dir).unwrap();
    for nth in 0..calls {
        for (kind, forever) in [(ErrorKind::StorageFull, false), (ErrorKind::Other, true)] {
            let faulty = FaultyFs::new(Arc::new(memory.clone()));
            faulty.fail(nth, kind, forever);
            let made = make(&faulty);
            memory.power_cut();
            match made {
                Ok(dir) => {
                    // What was to be removed beforehand was not: that is no failure of the block.
                    let block = Arc::new(Block::open(memory, &dir, &cache()).unwrap());
                    assert!(same(&read_all(&block).unwrap(), expected), "call {nth}");
                    memory.remove_dir_all(&dir).unwrap();
                }
                Err(error) => {
                    let full = matches!(error, StoreError::ReadOnly(_));
                    assert_eq!(full, kind == ErrorKind::StorageFull, "call {nth}: {error}");
                    check_left(memory, &before, forever, nth);
                }
            }
        }
    }
    faulty.heal();
    make(memory).unwrap();
}

/// Only a disk that stays broken may keep something, and then it is under a temporary name or whole.
fn check_left(memory: &MemoryFs, before: &[durable::DirEntry], forever: bool, nth: u64) {
    for entry in memory.list(Path::new(DIR)).unwrap() {
        if before.contains(&entry) {
            continue;
        }
        assert!(forever, "call {nth} leaves {}", entry.name);
        let dir = Path::new(DIR).join(&entry.name);
        if !entry.name.ends_with(TMP_SUFFIX) {
            Arc::new(Block::open(memory, &dir, &cache()).unwrap())
                .verify()
                .unwrap();
        }
        memory.remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn writing_a_block_is_all_or_nothing() {
    let content = exporter_like(40, 4, 30);
    let fs = fs();
    check_all_failures(&fs, &|fs| write(fs, 7, Effort::Fast, &content), &content);
}

#[test]
fn merging_blocks_is_all_or_nothing_and_leaves_its_sources() {
    let content = exporter_like(41, 4, 30);
    let halves: Vec<Content> = [0, 1]
        .map(|half| {
            let halved = content.iter().map(|(labels, samples)| {
                let middle = 1_700_000_000_000 + 15 * 15_000;
                let mut part = Samples::default();
                samples
                    .iter()
                    .filter(|s| (s.timestamp_ms >= middle) == (half == 1))
                    .for_each(|s| part.push(s.timestamp_ms, s.value));
                let times = part.timestamps.clone();
                times
                    .iter()
                    .for_each(|ms| part.starts.push(*ms, samples.starts.at(*ms)));
                part.histograms = samples.histograms.clone();
                part.histograms.retain(|(ms, _)| (*ms >= middle) == (half == 1));
                (labels.clone(), part)
            });
            halved.filter(|(_, samples)| !samples.is_empty()).collect()
        })
        .to_vec();
    let fs = fs();
    let sources = [
        block_of(&fs, 1, Effort::Fast, &halves[0]),
        block_of(&fs, 2, Effort::Fast, &halves[1]),
    ];
    let merge = |fs: &dyn Fs| merge_blocks(fs, Path::new(DIR), 7, &sources, meta_of(7, &content));
    check_all_failures(&fs, &merge, &content);
    for (source, half) in sources.iter().zip(&halves) {
        assert!(same(&read_all(source).unwrap(), half));
        source.verify().unwrap();
    }
}

#[test]
fn a_block_that_is_there_already_is_neither_replaced_nor_removed() {
    let content = exporter_like(42, 1, 10);
    let fs = fs();
    let dir = write(&fs, 7, Effort::Fast, &content).unwrap();
    assert!(matches!(
        write(&fs, 7, Effort::Fast, &content),
        Err(StoreError::Invalid(_))
    ));
    let block = Arc::new(Block::open(&fs, &dir, &cache()).unwrap());
    assert!(same(&read_all(&block).unwrap(), &content));
    assert_eq!(fs.list(Path::new(DIR)).unwrap().len(), 1);
}
