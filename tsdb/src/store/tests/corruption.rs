//! Bad bytes on disk: an error or a word of damage, never a panic, never a wrong value.

use super::*;
use crate::random::Random;

fn filled() -> (MemoryFs, Arc<dyn Fs>, Data) {
    let (memory_fs, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..60i64 {
        let mut rows: Vec<MetricRow> = (0..70).map(|s| row(s, i * 50, (i * s as i64) as f64)).collect();
        append(&tsdb, &mut rows, &mut data).unwrap();
    }
    tsdb.flush().unwrap();
    assert_eq!(tsdb.blocks().len(), 3);
    (memory_fs, fs, data)
}

fn block_files(fs: &dyn Fs) -> Vec<(std::path::PathBuf, u64)> {
    let blocks = Path::new(DIR).join("blocks");
    let mut files = Vec::new();
    for block in fs.list(&blocks).unwrap() {
        let dir = blocks.join(block.name);
        files.extend(
            fs.list(&dir)
                .unwrap()
                .into_iter()
                .map(|f| (dir.join(f.name), f.len)),
        );
    }
    files
}

/// Opens and reads; a value that differs from what was written fails the test.
fn probe(fs: &Arc<dyn Fs>, data: &Data) -> bool {
    let (tsdb, report) = open_with(fs, small()).unwrap();
    let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
    let noticed = match read(&*snapshot, &[], &hints(i64::MIN, i64::MAX)) {
        Err(StoreError::Corrupt { .. }) => true,
        Err(other) => panic!("{other}"),
        Ok(found) => {
            for (labels, times) in &found {
                assert!(
                    times.iter().all(|(ts, bits)| data[labels].get(ts) == Some(bits)),
                    "{labels}"
                );
            }
            found != *data || !report.damage.is_empty()
        }
    };
    let _ = snapshot.series(&[Matcher::equal("i", "5")]);
    let _ = snapshot.label_values("i", &[]);
    drop(snapshot);
    noticed
}

#[test]
fn a_flipped_bit_anywhere_in_a_block_is_noticed() {
    let (memory_fs, fs, data) = filled();
    let mut random = Random::new(9);
    for (path, len) in block_files(&*fs) {
        let tries = if len < 200 { len * 2 } else { 60 };
        for i in 0..tries {
            let bit = if len < 200 {
                i * 4 + random.below(4)
            } else {
                random.below(len * 8)
            };
            memory_fs.flip_bit(&path, bit as usize).unwrap();
            // Bits of postings matter only to queries with matchers.
            let noticed = probe(&fs, &data) || path.ends_with("index");
            assert!(noticed, "{} bit {bit}", path.display());
            memory_fs.flip_bit(&path, bit as usize).unwrap();
        }
    }
    assert!(!probe(&fs, &data));
}

#[test]
fn a_block_with_a_missing_or_short_file_is_left_aside() {
    for cut in [false, true] {
        for file in 0..3 {
            let (_, fs, data) = filled();
            let (path, len) = block_files(&*fs).swap_remove(file);
            if cut {
                fs.truncate(&path, len - 1).unwrap();
            } else {
                fs.remove_file(&path).unwrap();
            }
            let (tsdb, report) = open_with(&fs, small()).unwrap();
            assert_eq!(report.damage.len(), 1, "{}", path.display());
            assert_eq!(tsdb.blocks().len(), 2);
            let second_block = tsdb.blocks()[0].min_ms;
            assert!(second_block > 0 && everything(&tsdb).len() == 70);
            assert_eq!(
                ask(&tsdb, second_block, i64::MAX),
                within(&data, second_block, i64::MAX)
            );
        }
    }
}

#[test]
fn flipped_bits_in_the_log_lose_no_more_than_what_follows_them() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..8 {
        append(
            &tsdb,
            &mut [row(0, i, i as f64), row(i as u64, i, 1.0)],
            &mut data,
        )
        .unwrap();
    }
    drop(tsdb);
    let path = Path::new(DIR).join("wal").join("0000000001-00001.log");
    let whole = fs.read(&path).unwrap();
    for bit in 0..whole.len() * 8 {
        // Each time on a disk of its own: opening begins another generation.
        let (memory_fs, fs) = memory();
        fs.create_dir_all(path.parent().unwrap()).unwrap();
        fs.create(&path).unwrap().write_all(&whole).unwrap();
        memory_fs.flip_bit(&path, bit).unwrap();
        assert!(probe(&fs, &data), "bit {bit}");
    }
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn a_corrupt_block_is_told_once_and_does_not_stop_the_others() {
    let (memory_fs, fs, _) = filled();
    let (path, len) = block_files(&*fs).swap_remove(0);
    assert!(path.ends_with("chunks"));
    memory_fs.flip_bit(&path, (len as usize - 1) * 8).unwrap();
    let (tsdb, _) = open_with(&fs, small()).unwrap();
    let mut data = Data::new();
    for i in 60..200i64 {
        append(&tsdb, &mut [row(0, i * 50, 1.0)], &mut data).unwrap();
    }
    tsdb.flush().unwrap();
    assert!(matches!(tsdb.maintain(), Err(StoreError::Corrupt { .. })));
    assert!(tsdb.maintain().unwrap().compacted > 0);
    assert!(tsdb.maintain().is_ok());
}
