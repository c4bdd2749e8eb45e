//! Deletions as their users see them.

use super::*;
use crate::inspect::Inspection;

fn job(i: u64) -> Vec<Matcher> {
    vec![Matcher::equal("i", i.to_string())]
}

/// Three series over five seconds, flushed by every second.
fn filled(fs: &Arc<dyn Fs>, data: &mut Data) -> Tsdb {
    let tsdb = open(fs);
    for step in 0..50i64 {
        let mut rows: Vec<MetricRow> = (0..3).map(|i| row(i, step * 100, step as f64)).collect();
        append(&tsdb, &mut rows, data).unwrap();
        if step % 10 == 9 {
            tsdb.flush().unwrap();
        }
    }
    tsdb
}

/// Samples on disk, whatever is deleted of them.
fn on_disk(tsdb: &Tsdb) -> u64 {
    tsdb.blocks().iter().map(|b| b.samples).sum()
}

fn tombstone_file(fs: &Arc<dyn Fs>) -> bool {
    fs.exists(&Path::new(DIR).join("tombstones"))
}

#[test]
fn what_is_deleted_is_gone_at_once_and_after_a_restart() {
    let (_, fs) = memory();
    let mut data = Data::new();
    let tsdb = filled(&fs, &mut data);
    let before = tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
    let whole = data.clone();
    // Some of it is in memory only.
    append(&tsdb, &mut [row(1, 5000, 50.0)], &mut data).unwrap();
    tsdb.delete_series(&[job(1)], 1000, i64::MAX).unwrap();
    data.get_mut(&series(1)).unwrap().retain(|ms, _| *ms < 1000);
    assert_eq!(everything(&tsdb), data);
    let snapshot = tsdb.snapshot(1000, 9000).unwrap();
    assert_eq!(snapshot.series(&[]).unwrap(), [series(0), series(2)]);
    assert_eq!(snapshot.label_values("i", &[]).unwrap(), ["0", "2"]);
    assert_eq!(snapshot.label_values("i", &job(1)).unwrap(), [""; 0]);
    // Who began to read before goes on.
    assert_eq!(read(&*before, &[], &hints(i64::MIN, i64::MAX)).unwrap(), whole);
    drop(tsdb);
    let tsdb = open(&fs);
    assert_eq!(everything(&tsdb), data);
    assert_eq!(on_disk(&tsdb), 151);
    let inspection = Inspection::open(&*fs, Path::new(DIR)).unwrap();
    let mut merged = inspection.series(&[], 1000, i64::MAX).unwrap();
    let mut samples = Samples::default();
    assert_eq!(merged.next(&mut samples).unwrap(), Some(series(0)));
    assert_eq!(merged.next(&mut samples).unwrap(), Some(series(2)));
    assert_eq!(merged.next(&mut samples).unwrap(), None);
}

#[test]
fn what_comes_after_a_deletion_stays() {
    let (_, fs) = memory();
    let mut data = Data::new();
    let tsdb = filled(&fs, &mut data);
    tsdb.delete_series(&[job(1)], i64::MIN, i64::MAX).unwrap();
    data.remove(&series(1));
    // The same time again, with another value.
    append(&tsdb, &mut [row(1, 4900, -1.0), row(1, 5100, -2.0)], &mut data).unwrap();
    assert_eq!(data[&series(1)].len(), 2);
    assert_eq!(everything(&tsdb), data);
    tsdb.flush().unwrap();
    tsdb.maintain().unwrap();
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn merging_and_cleaning_take_it_from_disk() {
    let (_, fs) = memory();
    let mut data = Data::new();
    let tsdb = filled(&fs, &mut data);
    assert_eq!(on_disk(&tsdb), 150);
    tsdb.delete_series(&[job(0), job(2)], 1500, 2499).unwrap();
    assert_eq!(tsdb.tombstones().len(), 2);
    assert!(tombstone_file(&fs));
    assert_eq!(tsdb.clean_tombstones().unwrap(), 2);
    assert_eq!((on_disk(&tsdb), tsdb.tombstones()), (130, vec![]));
    assert!(!tombstone_file(&fs), "nothing is deleted any more");
    assert_eq!(tsdb.clean_tombstones().unwrap(), 0);
    for times in [0, 2].map(series).iter().map(|s| everything(&tsdb)[s].clone()) {
        assert!(times.keys().all(|ms| *ms < 1500 || *ms > 2499));
    }
    // A merge does as well, and the tombstone goes with it.
    tsdb.delete_series(&[job(1)], 0, 300).unwrap();
    let mut rows: Vec<MetricRow> = (0..60).map(|i| row(9, 4900 + i * 100, 1.0)).collect();
    append(&tsdb, &mut rows, &mut data).unwrap();
    tsdb.flush().unwrap();
    tsdb.maintain().unwrap();
    assert_eq!((on_disk(&tsdb), tsdb.tombstones()), (130 - 4 + 60, vec![]));
}

#[test]
fn a_block_of_which_nothing_is_left_goes_and_its_id_is_not_used_for_what_is_deleted() {
    let (_, fs) = memory();
    let mut data = Data::new();
    let tsdb = filled(&fs, &mut data);
    tsdb.delete_series(&[vec![Matcher::equal("job", "j")]], i64::MIN, i64::MAX)
        .unwrap();
    assert_eq!(everything(&tsdb), Data::new());
    assert_eq!(tsdb.snapshot(0, 9000).unwrap().label_names(&[]).unwrap(), [""; 0]);
    drop(tsdb);
    let tsdb = open(&fs);
    tsdb.clean_tombstones().unwrap();
    assert_eq!(tsdb.blocks(), []);
    let blocks = fs.list(&Path::new(DIR).join("blocks")).unwrap();
    assert_eq!(blocks, []);
    drop(tsdb);
    let tsdb = open(&fs);
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 6000, 1.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn ids_go_on_behind_a_deletion_whose_blocks_are_gone() {
    let (_, fs) = memory();
    let mut data = Data::new();
    let tsdb = filled(&fs, &mut data);
    tsdb.delete_series(&[job(0)], i64::MIN, i64::MAX).unwrap();
    let below = tsdb.tombstones()[0].below;
    drop(tsdb);
    // As retention would do, and the process dies before the tombstone is dropped.
    let blocks = Path::new(DIR).join("blocks");
    for entry in fs.list(&blocks).unwrap() {
        fs.remove_dir_all(&blocks.join(entry.name)).unwrap();
    }
    let tsdb = open(&fs);
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 6000, 1.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    assert!(tsdb.blocks()[0].id >= below);
    assert_eq!(everything(&tsdb), data);
    tsdb.maintain().unwrap();
    assert_eq!(tsdb.tombstones(), []);
}

#[test]
fn deletions_that_concern_nothing_are_not_kept_and_wider_ones_replace_others() {
    let (_, fs) = memory();
    let tsdb = filled(&fs, &mut Data::new());
    tsdb.delete_series(&[job(7)], i64::MIN, i64::MAX).unwrap();
    tsdb.delete_series(&[job(0)], 20_000, 30_000).unwrap();
    tsdb.delete_series(&[job(0)], 300, 200).unwrap();
    tsdb.delete_series(&[], 0, 1000).unwrap();
    assert_eq!(tsdb.tombstones(), []);
    for end_ms in [1000, 2000, 4000] {
        tsdb.delete_series(&[job(0)], 500, end_ms).unwrap();
    }
    assert_eq!(tsdb.tombstones().len(), 1);
    let everything = tsdb.delete_series(&[vec![]], 0, 1000);
    assert!(
        matches!(everything, Err(StoreError::Invalid(_))),
        "{everything:?}"
    );
}

#[test]
fn a_block_that_cannot_be_read_does_not_stop_the_others() {
    let (memory_fs, fs) = memory();
    let tsdb = filled(&fs, &mut Data::new());
    let first = tsdb.blocks()[0].dir_name();
    tsdb.delete_series(&[job(0)], i64::MIN, i64::MAX).unwrap();
    drop(tsdb);
    let chunks = Path::new(DIR).join("blocks").join(first).join("chunks");
    for bit in (64..200).step_by(8) {
        memory_fs.flip_bit(&chunks, bit).unwrap();
    }
    let tsdb = open(&fs);
    assert!(matches!(tsdb.clean_tombstones(), Err(StoreError::Corrupt { .. })));
    assert_eq!(tsdb.tombstones().len(), 1, "it may be repaired");
    assert_eq!(on_disk(&tsdb), 30 + 4 * 20);
    tsdb.maintain().unwrap();
}
