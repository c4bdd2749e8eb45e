//! When samples are flushed, and what a database comes to rest as.

use super::*;

/// A database with its clock.
fn with_clock(fs: &Arc<dyn Fs>, options: Options) -> (Tsdb, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_000_000));
    let (tsdb, _) = Tsdb::open(Arc::clone(fs), Path::new(DIR), options, Arc::clone(&clock) as _).unwrap();
    tsdb.recover().unwrap();
    (tsdb, clock)
}

#[test]
fn samples_are_flushed_when_they_are_old() {
    let (_, fs) = memory();
    let options = Options {
        wal_bytes: 1 << 30,
        ..small()
    };
    let (tsdb, clock) = with_clock(&fs, options);
    tsdb.append(&mut [row(0, 1_000_000, 1.0)]).unwrap();
    for _ in 0..14 {
        clock.advance(60_000);
        assert_eq!(tsdb.maintain().unwrap().flushed, 0);
    }
    clock.advance(60_000);
    assert_eq!(tsdb.maintain().unwrap().flushed, 1);
    clock.advance(3_600_000);
    assert_eq!(tsdb.maintain().unwrap().flushed, 0, "nothing new");
}

#[test]
fn after_a_bulk_load_all_is_soon_on_disk_in_few_blocks() {
    let (_, fs) = memory();
    let options = Options {
        max_future_ms: i64::MAX / 2,
        wal_bytes: 256 << 10,
        retention_ms: None,
        ..Options::default()
    };
    let (tsdb, clock) = with_clock(&fs, options);
    const SERIES: u64 = 300;
    let mut random = crate::random::Random::new(3);
    let mut rows: Vec<MetricRow> = (0..SERIES).map(|s| row(s, 0, 0.0)).collect();
    // Five hours, a scrape every 15 seconds, as fast as it goes.
    for scrape in 0..1200i64 {
        for row in &mut rows {
            row.sample.timestamp_ms = scrape * 15_000;
            row.sample.value = random.next() as f64;
        }
        assert_eq!(tsdb.append(&mut rows).unwrap().rejected, []);
        clock.advance(10);
        if scrape % 50 == 0 {
            tsdb.step().unwrap();
        }
    }
    for _ in 0..20 {
        clock.advance(1000);
        tsdb.maintain().unwrap();
    }
    let stats = tsdb.stats().unwrap();
    assert_eq!((stats.head_samples, stats.generations), (0, 1), "{stats:?}");
    assert!(stats.wal_bytes < 100, "{stats:?}");
    let blocks = tsdb.blocks();
    assert!(blocks.len() <= 4, "{blocks:?}");
    assert_eq!(blocks.iter().map(|b| b.samples).sum::<u64>(), 1200 * SERIES);
    let found = everything(&tsdb);
    assert!(found.len() == 300 && found.values().all(|times| times.len() == 1200));
}

#[test]
fn an_idle_database_does_nothing() {
    let (_, memory_fs) = memory();
    let faulty = durable::FaultyFs::new(memory_fs);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let (tsdb, clock) = with_clock(&fs, small());
    tsdb.append(&mut [row(0, 0, 1.0)]).unwrap();
    tsdb.flush().unwrap();
    tsdb.sync().unwrap();
    let calls = faulty.calls();
    for _ in 0..1000 {
        clock.advance(1000);
        tsdb.step().unwrap();
        tsdb.sync().unwrap();
    }
    assert_eq!(faulty.calls(), calls);
}

#[test]
fn samples_of_many_years_become_blocks_of_their_own_windows() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    let year = 365 * 86_400_000i64;
    let mut rows: Vec<MetricRow> = (0..10).map(|y| row(0, y * year, y as f64)).collect();
    append(&tsdb, &mut rows, &mut data).unwrap();
    assert_eq!(tsdb.flush().unwrap(), 10);
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn samples_spread_over_thousands_of_windows_do_not_become_thousands_of_blocks() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    let mut rows: Vec<MetricRow> = (0..3000).map(|s| row(0, s * 3000, s as f64)).collect();
    append(&tsdb, &mut rows, &mut data).unwrap();
    let blocks = tsdb.flush().unwrap();
    assert!((17..=48).contains(&blocks), "{blocks}");
    assert_eq!(everything(&tsdb), data);
    assert_eq!(ask(&tsdb, 100_000, 200_000), within(&data, 100_000, 200_000));
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), data);
}
