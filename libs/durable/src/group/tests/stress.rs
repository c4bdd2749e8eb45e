//! Threads that meet in all sorts of ways: seeded pauses at every call to the disk, and a disk that fails somewhere.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use super::*;

const THREADS: u64 = 4;
const RECORDS: u64 = 40;
/// Longer than any run takes on a busy machine: beyond it somebody waits for something that never comes.
const DEADLINE: Duration = Duration::from_secs(60);

/// A record's bytes: whose it is, and which.
type Name = (u64, u64);

#[derive(Default)]
struct Acknowledged {
    written: BTreeSet<Name>,
    synced: BTreeSet<Name>,
}

/// The records there are, and whether they end in damage.
fn names(fs: &dyn Fs) -> (BTreeSet<Name>, bool) {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let (records, damage) = replayed(fs);
    let all: Vec<Name> = records
        .iter()
        .map(|(_, _, payload)| (number(&payload[..8]), number(&payload[8..])))
        .collect();
    let names: BTreeSet<Name> = all.iter().copied().collect();
    assert_eq!(names.len(), all.len(), "a record is there once");
    for thread in 0..THREADS {
        let own: Vec<u64> = all.iter().filter(|n| n.0 == thread).map(|n| n.1).collect();
        assert!(
            own.iter().copied().eq(0..own.len() as u64),
            "in order, without gaps"
        );
    }
    (names, !damage.is_empty())
}

/// One thread's records; stops when the disk has failed.
fn writing(log: &GroupLog, memory: &MemoryFs, thread: u64, seed: u64) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let mut random = seed.wrapping_mul(2 * thread + 1) | 1;
    let mut open = Vec::new();
    for i in 0..RECORDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let payload = [thread.to_le_bytes(), i.to_le_bytes()].concat();
        let position = log.enqueue(1, &payload);
        open.push((thread, i));
        (0..random % 2048).for_each(|_| std::hint::spin_loop());
        let done = match random >> 32 & 7 {
            0 | 1 => continue,
            2 => log.commit_synced(position).map(|()| true),
            3 => log.commit(position).and_then(|()| log.sync()).map(|()| true),
            _ => log.commit(position).map(|()| false),
        };
        let Ok(synced) = done else {
            return acknowledged;
        };
        acknowledged.written.extend(&open);
        if synced {
            acknowledged.synced.append(&mut acknowledged.written.clone());
            let (there, _) = names(&memory.after_power_cut());
            assert!(
                there.is_superset(&acknowledged.synced),
                "what is synced outlives power"
            );
        }
        open.clear();
        if i % 8 == 0 {
            assert!(
                names(memory).0.is_superset(&acknowledged.written),
                "acknowledged is written"
            );
        }
    }
    acknowledged
}

fn run(seed: u64) {
    let (power, memory) = memory();
    let faulty = FaultyFs::new(Arc::clone(&memory));
    faulty.dawdle(seed);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let log = begin(&fs, 1, 300);
    // The disk that refuses a write also refuses to cut off the half of it that it took: a torn tail.
    if !seed.is_multiple_of(3) {
        faulty.fail(seed % 97, ErrorKind::Other, true);
    }
    let done: Vec<Acknowledged> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let (log, power) = (&log, &power);
                    move || writing(log, power, thread, seed)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    if seed.is_multiple_of(3) {
        log.commit(log.enqueued()).unwrap();
        assert_eq!(names(&*memory).0.len() as u64, THREADS * RECORDS);
    }
    let (there, torn) = names(&*memory);
    assert!(!torn || !seed.is_multiple_of(3), "seed {seed}");
    assert!(done.iter().all(|d| there.is_superset(&d.written)), "seed {seed}");
    // Segments that were begun and not synced are cut to nothing: that reads as damage behind what was synced.
    power.power_cut();
    let (there, _) = names(&*memory);
    assert!(done.iter().all(|d| there.is_superset(&d.synced)), "seed {seed}");
}

#[test]
fn acknowledged_is_on_disk_whatever_the_order_of_threads_and_nobody_waits_for_ever() {
    let (done, finished) = mpsc::channel();
    let runs = std::thread::spawn(move || {
        for seed in 1..=60 {
            run(seed);
            done.send(seed).unwrap();
        }
    });
    loop {
        match finished.recv_timeout(DEADLINE) {
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a run hangs"),
        }
    }
    runs.join().unwrap();
}
