use std::io;

use super::*;
use crate::{FaultyFs, MemoryFs};

const DIR: &str = "/data/wal";

type Records = Vec<(u8, Vec<u8>)>;

fn open(fs: &Arc<dyn Fs>, segment_bytes: u64) -> (Log, Recovery, Records) {
    let mut records = Vec::new();
    let (log, recovery) = Log::open(
        Arc::clone(fs),
        Path::new(DIR),
        LogOptions { segment_bytes },
        |_, frame| {
            records.push((frame.kind, frame.payload.to_vec()));
        },
    )
    .unwrap();
    (log, recovery, records)
}

fn memory() -> (MemoryFs, Arc<dyn Fs>) {
    let memory = MemoryFs::new();
    (memory.clone(), Arc::new(memory))
}

#[test]
fn what_was_appended_comes_back_in_order_across_segments() {
    let (_, fs) = memory();
    let (mut log, ..) = open(&fs, 64);
    for i in 0..20u8 {
        log.append([(i, [i; 10].as_slice()), (100, b"".as_slice())])
            .unwrap();
    }
    assert!(log.segment() > 3);
    let (_, recovery, records) = open(&fs, 64);
    assert_eq!(records.len(), 40);
    assert!(
        records
            .iter()
            .step_by(2)
            .enumerate()
            .all(|(i, r)| usize::from(r.0) == i)
    );
    assert_eq!(recovery.damage, Vec::<String>::new());
}

#[test]
fn a_torn_tail_is_cut_at_the_last_good_record_and_appending_goes_on() {
    let path = segment_path(Path::new(DIR), 1);
    let (_, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"first".as_slice())]).unwrap();
    log.append([(2, b"second".as_slice())]).unwrap();
    let whole = fs.read(&path).unwrap().len() as u64;
    for cut in 1..=14 {
        fs.truncate(&path, whole - cut).unwrap();
        let (mut log, recovery, records) = open(&fs, 1 << 20);
        assert_eq!(records, [(1, b"first".to_vec())]);
        assert_eq!(recovery.damage.len(), 1, "{:?}", recovery.damage);
        log.append([(2, b"second".as_slice())]).unwrap();
        assert_eq!(open(&fs, 1 << 20).2.len(), 2);
    }
}

#[test]
fn a_flipped_bit_costs_the_records_after_it_and_no_crash() {
    let (memory, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    for i in 0..5u8 {
        log.append([(i, [i; 20].as_slice())]).unwrap();
    }
    memory
        .flip_bit(&segment_path(Path::new(DIR), 1), (8 + 29 * 2 + 15) * 8)
        .unwrap();
    let (_, recovery, records) = open(&fs, 1 << 20);
    assert_eq!(records.len(), 2);
    assert!(recovery.damage[0].contains("checksum"), "{:?}", recovery.damage);
}

#[test]
fn what_was_synced_survives_a_power_cut() {
    let (memory, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"kept".as_slice())]).unwrap();
    log.sync().unwrap();
    log.append([(2, b"lost".as_slice())]).unwrap();
    memory.power_cut();
    assert_eq!(open(&fs, 1 << 20).2, [(1, b"kept".to_vec())]);
}

#[test]
fn dropping_segments_leaves_the_newer_ones() {
    let (_, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"old".as_slice())]).unwrap();
    let next = log.rotate().unwrap();
    log.append([(2, b"new".as_slice())]).unwrap();
    log.drop_before(next).unwrap();
    log.drop_before(u64::MAX).unwrap();
    assert_eq!(open(&fs, 1 << 20).2, [(2, b"new".to_vec())]);
}

#[test]
fn after_a_full_disk_nothing_is_torn_and_it_goes_on() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"one".as_slice())]).unwrap();
    faulty.fail(0, io::ErrorKind::StorageFull, false);
    let error = log.append([(2, b"two".as_slice())]).unwrap_err();
    assert!(error.is_disk_full(), "{error}");
    log.append([(3, b"three".as_slice())]).unwrap();
    let kinds: Vec<u8> = open(&fs, 1 << 20).2.iter().map(|r| r.0).collect();
    assert_eq!(kinds, [1, 3]);
}

#[test]
fn a_failed_sync_poisons_the_log() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"one".as_slice())]).unwrap();
    faulty.fail(0, io::ErrorKind::Other, false);
    assert!(matches!(log.sync(), Err(DurableError::Poisoned(_))));
    assert!(matches!(
        log.append([(2, b"two".as_slice())]),
        Err(DurableError::Poisoned(_))
    ));
    assert!(log.poisoned().is_some());
}

#[test]
fn on_a_real_disk_writing_goes_on_behind_a_batch_that_was_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = FaultyFs::new(Arc::new(crate::RealFs));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let open = || {
        let mut kinds = Vec::new();
        let opened = Log::open(Arc::clone(&fs), folder.path(), LogOptions::default(), |_, f| {
            kinds.push(f.kind)
        });
        let (log, recovery) = opened.unwrap();
        assert_eq!(recovery.damage, Vec::<String>::new());
        (log, kinds)
    };
    let (mut log, _) = open();
    log.append([(1, b"one".as_slice())]).unwrap();
    faulty.fail(0, io::ErrorKind::StorageFull, false);
    log.append([(2, b"two, of which half is written".as_slice())])
        .unwrap_err();
    log.append([(3, b"three".as_slice())]).unwrap();
    assert_eq!(open().1, [1, 3]);
}

#[test]
fn a_segment_cut_off_in_its_first_bytes_is_no_damage() {
    let (_, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"one".as_slice())]).unwrap();
    log.rotate().unwrap();
    fs.truncate(&segment_path(Path::new(DIR), 2), 3).unwrap();
    let (mut log, recovery, records) = open(&fs, 1 << 20);
    assert_eq!((recovery.damage.len(), records.len()), (0, 1));
    log.append([(2, b"two".as_slice())]).unwrap();
    assert_eq!(open(&fs, 1 << 20).2.len(), 2);
}

#[test]
fn a_segment_of_another_version_is_set_aside_not_erased() {
    let (_, fs) = memory();
    let (mut log, ..) = open(&fs, 1 << 20);
    log.append([(1, b"one".as_slice())]).unwrap();
    let path = segment_path(Path::new(DIR), 2);
    fs.create(&path)
        .unwrap()
        .write_all(b"MHLOG\x00\x00\x02 from the future")
        .unwrap();
    let (mut log, recovery, records) = open(&fs, 1 << 20);
    assert_eq!(records.len(), 1);
    assert!(recovery.damage[0].contains("set aside"), "{:?}", recovery.damage);
    assert_eq!(log.append([(2, b"two".as_slice())]).unwrap(), 3);
    assert!(fs.exists(&Path::new(DIR).join("0000000002.log.unknown")));
    assert_eq!(open(&fs, 1 << 20).2.len(), 2);
}
