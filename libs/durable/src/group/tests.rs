mod stress;

use std::io::ErrorKind;

use super::*;
use crate::{FaultyFs, MemoryFs};

const DIR: &str = "/data/wal";

fn begin(fs: &Arc<dyn Fs>, generation: u64, segment_bytes: u64) -> GroupLog {
    fs.create_dir_all(Path::new(DIR)).unwrap();
    let options = LogOptions { segment_bytes };
    GroupLog::begin(Arc::clone(fs), Path::new(DIR), generation, options).unwrap()
}

/// Generation, kind and payload.
type Record = (u64, u8, Vec<u8>);

/// The records of all generations, and what was damaged.
fn replayed(fs: &dyn Fs) -> (Vec<Record>, Vec<String>) {
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    for generation in generations(fs, Path::new(DIR)).unwrap() {
        let recovery = generation
            .replay(
                fs,
                Path::new(DIR),
                |_| {},
                |frame| records.push((generation.number, frame.kind, frame.payload.to_vec())),
            )
            .unwrap();
        damage.extend(recovery.damage);
    }
    (records, damage)
}

fn memory() -> (MemoryFs, Arc<dyn Fs>) {
    let memory = MemoryFs::new();
    (memory.clone(), Arc::new(memory))
}

#[test]
fn what_many_threads_committed_is_there_each_threads_in_order() {
    let (_, fs) = memory();
    let log = begin(&fs, 1, 2000);
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let log = &log;
            scope.spawn(move || {
                for i in 0..500u16 {
                    let position = log.enqueue(thread, &i.to_le_bytes());
                    if i % 3 == 0 {
                        log.commit(position).unwrap();
                    }
                }
                log.commit(log.enqueued()).unwrap();
            });
        }
    });
    let (records, damage) = replayed(&*fs);
    assert_eq!(damage, Vec::<String>::new());
    for thread in 0..4u8 {
        let numbers = records
            .iter()
            .filter(|r| r.1 == thread)
            .map(|r| u16::from_le_bytes([r.2[0], r.2[1]]));
        assert!(numbers.eq(0..500), "thread {thread}");
    }
    assert!(generations(&*fs, Path::new(DIR)).unwrap()[0].segments.len() > 5);
}

#[test]
fn what_was_synced_survives_a_power_cut_across_segments() {
    let (memory, fs) = memory();
    let log = begin(&fs, 7, 64);
    for i in 0..20u8 {
        log.commit(log.enqueue(i, &[i; 20])).unwrap();
    }
    log.sync().unwrap();
    log.commit(log.enqueue(99, b"lost")).unwrap();
    memory.power_cut();
    let kinds: Vec<u8> = replayed(&*fs).0.iter().map(|r| r.1).collect();
    assert_eq!(kinds, (0..20).collect::<Vec<u8>>());
}

#[test]
fn a_failed_write_commits_nothing_from_there_on_and_the_next_generation_goes_on() {
    let (memory_fs, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let log = begin(&fs, 1, 1 << 20);
    let first = log.enqueue(1, b"one");
    log.commit(first).unwrap();
    faulty.fail(0, ErrorKind::StorageFull, false);
    let second = log.enqueue(2, b"two, of which half is written");
    assert!(log.commit(second).unwrap_err().is_disk_full());
    let third = log.enqueue(3, b"three");
    assert!(log.commit(third).unwrap_err().is_disk_full());
    assert!(log.check().is_err());
    log.commit(first).unwrap();
    log.sync().unwrap();
    memory_fs.power_cut();
    let next = begin(&fs, 2, 1 << 20);
    next.commit(next.enqueue(4, b"four")).unwrap();
    let (records, damage) = replayed(&*fs);
    assert_eq!(damage, Vec::<String>::new());
    assert_eq!(records, [(1, 1, b"one".to_vec()), (2, 4, b"four".to_vec())]);
}

#[test]
fn a_failed_sync_poisons_the_log() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let log = begin(&fs, 1, 1 << 20);
    log.commit(log.enqueue(1, b"one")).unwrap();
    faulty.fail(0, ErrorKind::Other, false);
    assert!(matches!(log.sync(), Err(DurableError::Poisoned(_))));
    let position = log.enqueue(2, b"two");
    assert!(matches!(log.commit(position), Err(DurableError::Poisoned(_))));
}

#[test]
fn a_sync_without_file_handles_can_be_tried_again() {
    let (memory_fs, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let log = begin(&fs, 1, 40);
    for i in 0..4u8 {
        log.commit(log.enqueue(i, &[i; 31])).unwrap();
    }
    faulty.exhaust_handles();
    for _ in 0..2 {
        assert!(matches!(log.sync(), Err(DurableError::Io { .. })));
        log.check().unwrap();
    }
    faulty.heal();
    log.sync().unwrap();
    memory_fs.power_cut();
    assert_eq!(replayed(&*fs).0.len(), 4);
}

#[test]
fn replay_stops_at_damage_because_what_follows_may_build_on_it() {
    let (memory, fs) = memory();
    let log = begin(&fs, 3, 40);
    for i in 0..6u8 {
        log.commit(log.enqueue(i, &[i; 31])).unwrap();
    }
    memory
        .flip_bit(&segment_path(Path::new(DIR), 3, 2), 20 * 8)
        .unwrap();
    let (records, damage) = replayed(&*fs);
    assert_eq!(records.len(), 1);
    assert_eq!(damage.len(), 1);
    assert!(damage[0].contains("checksum"), "{damage:?}");
}

#[test]
fn a_torn_tail_costs_the_record_it_tears() {
    let (_, fs) = memory();
    let log = begin(&fs, 1, 1 << 20);
    log.commit(log.enqueue(1, b"first")).unwrap();
    log.commit(log.enqueue(2, b"second")).unwrap();
    let path = segment_path(Path::new(DIR), 1, 1);
    let whole = fs.read(&path).unwrap().len() as u64;
    for cut in 1..=14 {
        fs.truncate(&path, whole - cut).unwrap();
        assert_eq!(replayed(&*fs).0, [(1, 1, b"first".to_vec())]);
    }
    fs.truncate(&path, 5).unwrap();
    assert_eq!(replayed(&*fs), (Vec::new(), Vec::new()));
}

#[test]
fn a_segment_of_another_version_is_set_aside_and_a_removed_generation_is_gone() {
    let (_, fs) = memory();
    drop(begin(&fs, 1, 1 << 20));
    let path = segment_path(Path::new(DIR), 1, 2);
    fs.create(&path)
        .unwrap()
        .write_all(b"MHLOG\x00\x00\x02 from the future")
        .unwrap();
    assert_eq!(replayed(&*fs).1.len(), 1);
    for generation in generations(&*fs, Path::new(DIR)).unwrap() {
        generation.remove(&*fs, Path::new(DIR)).unwrap();
    }
    let left: Vec<String> = fs
        .list(Path::new(DIR))
        .unwrap()
        .into_iter()
        .map(|e| e.name)
        .collect();
    assert_eq!(left, ["0000000001-00002.log.unknown"]);
}
