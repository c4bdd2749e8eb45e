//! The log: every compression, records over several pages, damage, kinds of records.

use super::damage::mutate;
use super::*;
use crate::import::prometheus::wal::{Kind, Record, Segment};
use crate::random::Random;

const PAGE: usize = 32 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Compression {
    None = 0,
    Snappy = 8,
    Zstd = 16,
}

/// A segment as Prometheus writes it.
fn segment(records: &[Vec<u8>], compression: Compression) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for record in records {
        let packed = match compression {
            Compression::None => record.clone(),
            Compression::Snappy => snap::raw::Encoder::new().compress_vec(record).expect("small"),
            Compression::Zstd => zstd::encode_all(&record[..], 1).expect("memory"),
        };
        let (mut rest, mut first) = (&packed[..], true);
        loop {
            let room = PAGE - out.len() % PAGE;
            if room < 7 {
                out.resize(out.len() + room, 0);
                continue;
            }
            let len = rest.len().min(room - 7);
            let last = len == rest.len();
            let part = match (first, last) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            out.push(part | compression as u8);
            out.extend((len as u16).to_be_bytes());
            out.extend(crc32c::crc32c(&rest[..len]).to_be_bytes());
            out.extend(&rest[..len]);
            (rest, first) = (&rest[len..], false);
            if last {
                break;
            }
        }
    }
    out.resize(out.len().next_multiple_of(PAGE), 0);
    out
}

fn records(fs: &dyn Fs, path: &Path, damage: &mut Vec<String>) -> Vec<Vec<u8>> {
    let mut segment = Segment::open(fs, path, false).expect("there");
    let (mut all, mut record) = (Vec::new(), Vec::new());
    while segment
        .next(&mut record, &mut |told| damage.push(told))
        .expect("memory")
    {
        all.push(record.clone());
    }
    all
}

fn real_records() -> Vec<Vec<u8>> {
    let path = testdata("data").join("wal/00000000");
    let mut damage = Vec::new();
    let all = records(&RealFs, &path, &mut damage);
    assert!(damage.is_empty(), "{damage:?}");
    all
}

fn series(reference: u64, name: &str) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(reference.to_be_bytes());
    out.extend([1, 8]);
    out.extend(b"__name__");
    out.push(name.len() as u8);
    out.extend(name.as_bytes());
    out
}

/// Differences stay below 64, so that each is one byte.
fn samples(rows: &[(i64, i64, f64)]) -> Vec<u8> {
    let mut out = vec![2];
    out.extend(0u64.to_be_bytes());
    out.extend(0u64.to_be_bytes());
    for (reference, t, value) in rows {
        out.extend([(reference << 1) as u8, (t << 1) as u8]);
        out.extend(value.to_bits().to_be_bytes());
    }
    out
}

fn folder(wal: &[(&str, Vec<u8>)]) -> MemoryFs {
    let fs = MemoryFs::default();
    for (path, bytes) in wal {
        let path = Path::new("/p").join(path);
        fs.create_dir_all(path.parent().expect("a folder"))
            .expect("memory");
        put(&fs, &path, bytes);
    }
    fs
}

fn values(fs: &dyn Fs, name: &str) -> Vec<(i64, f64)> {
    let (everything, _) = walk(fs, Path::new("/p")).expect("readable");
    let series = everything.floats.get(&Labels::from_pairs([("__name__", name)]));
    series.into_iter().flatten().map(|(t, v)| (*t, *v)).collect()
}

#[test]
fn records_of_every_compression_come_back_over_any_number_of_pages() {
    let mut all = real_records();
    let mut random = Random::new(5);
    // Longer than a page, and not to be compressed.
    all.push((0..100_000).map(|_| random.next() as u8).collect());
    all.push(vec![2; 17]);
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let fs = folder(&[("wal/00000000", segment(&all, compression))]);
        let mut damage = Vec::new();
        assert!(records(&fs, Path::new("/p/wal/00000000"), &mut damage) == all);
        assert!(damage.is_empty(), "{damage:?}");
    }
}

#[test]
fn a_damaged_page_costs_its_own_records_only() {
    let mut all: Vec<Vec<u8>> = vec![series(1, "a")];
    all.extend((0..60u8).map(|i| {
        let mut record = samples(&[(1, i64::from(i), f64::from(i))]);
        // Samples of a series that is not named, to fill the pages.
        for _ in 0..300 {
            record.extend([(2 << 1), 0]);
            record.extend(0f64.to_be_bytes());
        }
        record
    }));
    let mut bytes = segment(&all, Compression::None);
    assert!(bytes.len() >= 5 * PAGE);
    bytes[2 * PAGE + 100] ^= 1;
    let fs = folder(&[("wal/00000000", bytes)]);
    let (_, walked) = walk(&fs, Path::new("/p")).expect("readable");
    let [damage, nameless] = &walked[0].damage[..] else {
        panic!("{walked:?}");
    };
    assert!(damage.contains("/p/wal/00000000 at offset 65536"), "{damage}");
    assert!(nameless.contains("does not name"), "{nameless}");
    let found: Vec<i64> = values(&fs, "a").into_iter().map(|(t, _)| t).collect();
    assert!(
        found.contains(&0) && found.contains(&59) && found.len() > 40 && found.len() < 60,
        "{found:?}"
    );
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_write_is_no_damage() {
    let mut bytes = segment(
        &[series(1, "a"), samples(&[(1, 1, 1.0), (1, 2, 2.0)])],
        Compression::None,
    );
    let used = bytes.iter().rposition(|b| *b != 0).expect("bytes");
    bytes.truncate(used - 3);
    let fs = folder(&[("wal/00000000", bytes)]);
    let (_, walked) = walk(&fs, Path::new("/p")).expect("readable");
    assert_eq!(walked[0].damage, Vec::<String>::new());
}

#[test]
fn a_checkpoint_stands_for_the_segments_it_names() {
    let names = segment(&[series(1, "a")], Compression::Snappy);
    let log = |value: f64| segment(&[samples(&[(1, value as i64, value)])], Compression::Snappy);
    let fs = folder(&[
        ("wal/checkpoint.00000001/00000000", names.clone()),
        ("wal/checkpoint.00000002/00000000", names),
        ("wal/checkpoint.00000009.tmp/00000000", vec![1]),
        ("wal/00000002", log(2.0)),
        ("wal/00000003", log(3.0)),
        ("wal/00000004", log(4.0)),
    ]);
    assert_eq!(values(&fs, "a"), [(3, 3.0), (4, 4.0)]);
}

#[test]
fn what_a_block_holds_is_not_taken_from_the_log_again() {
    let meta = br#"{"ulid":"01ARZ3NDEKTSV4RRFFQ69G5FAV","minTime":0,"maxTime":10,"version":1}"#;
    let log = segment(
        &[series(1, "a"), samples(&[(1, 9, 9.0), (1, 10, 10.0)])],
        Compression::None,
    );
    let fs = folder(&[
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV/meta.json", meta.to_vec()),
        ("wal/00000000", log),
    ]);
    let head = Prometheus::open(&fs, Path::new("/p"))
        .expect("readable")
        .head
        .expect("a log");
    let mut times: Vec<i64> = Vec::new();
    head.walk(&fs, &mut |_: &Labels, s: &Samples| {
        times.extend(&s.timestamps);
        Ok(())
    })
    .expect("readable");
    assert_eq!(times, [10]);
}

#[test]
fn samples_with_start_timestamps_are_read_without_them() {
    let mut record = vec![11, 2 << 1, 20 << 1, 3 << 1];
    record.extend(1.5f64.to_bits().to_be_bytes());
    // The next series, one later: no start, the last start, one of its own.
    for (marker, rest) in [(0, None), (1, None), (2, Some(7))] {
        record.extend([1 << 1, 1 << 1, marker]);
        record.extend(rest);
        record.extend(2.5f64.to_bits().to_be_bytes());
    }
    let mut found = Vec::new();
    let record = Record::new(&record).expect("known");
    assert_eq!(record.kind, Kind::SamplesV2);
    record
        .samples(|series, t, v| found.push((series, t, v)))
        .expect("whole");
    assert_eq!(found, [(2, 20, 1.5), (3, 21, 2.5), (4, 21, 2.5), (5, 21, 2.5)]);
}

#[test]
fn metadata_is_of_families() {
    let mut record = vec![6, 1, 3, 2, 4];
    record.extend(b"HELP\x03why\x04UNIT\x00");
    let log = segment(&[series(1, "seconds_bucket"), record], Compression::Zstd);
    let fs = folder(&[("wal/00000000", log)]);
    struct Families(Vec<(String, model::metrics::Metadata)>);
    impl crate::import::prometheus::Sink for Families {
        fn samples(&mut self, _: &Labels, _: &Samples) -> Result<(), StoreError> {
            Ok(())
        }
        fn metadata(&mut self, family: &str, metadata: &model::metrics::Metadata) {
            self.0.push((family.to_owned(), metadata.clone()));
        }
    }
    let mut families = Families(Vec::new());
    let head = Prometheus::open(&fs, Path::new("/p"))
        .expect("readable")
        .head
        .expect("a log");
    head.walk(&fs, &mut families).expect("readable");
    assert_eq!(families.0[0].0, "seconds");
    assert_eq!(families.0[0].1.help, "why");
}

#[test]
fn mutated_records_decode_or_not() {
    let all = real_records();
    let mut random = Random::new(13);
    for _ in 0..20_000 {
        let mut bytes = all[random.below(all.len() as u64) as usize].clone();
        bytes.truncate(2000);
        mutate(&mut bytes, &mut random);
        let len = bytes.len();
        let Some(record) = Record::new(&bytes) else {
            continue;
        };
        let mut things = 0usize;
        let _ = match record.kind {
            Kind::Series => record.series(|_, labels| things += labels.len()),
            Kind::Tombstones => record.tombstones(|_, _, _| things += 1),
            Kind::Metadata => record.metadata(|_, m| things += m.help.len()),
            Kind::Samples | Kind::SamplesV2 => record.samples(|_, _, _| things += 1),
            Kind::Histograms { float } | Kind::HistogramsV2 { float } => {
                record.histograms(float, |_, _, _| things += 1)
            }
            Kind::Other => Ok(()),
        };
        assert!(things <= len);
    }
}

#[test]
fn mutated_segments_never_panic() {
    let all = real_records();
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let whole = segment(&all, compression);
        let mut random = Random::new(17 + compression as u64);
        for _ in 0..100 {
            let mut bytes = whole.clone();
            mutate(&mut bytes, &mut random);
            let fs = folder(&[("wal/00000000", bytes)]);
            walk(&fs, Path::new("/p")).expect("damage is told, not fatal");
        }
    }
}
