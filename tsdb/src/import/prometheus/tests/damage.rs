//! Bytes that are not what they were: never a panic, and an error that says where.

use std::sync::Arc;

use super::*;
use crate::import::prometheus::chunk::{self, Encoding};
use crate::import::prometheus::index::Index;
use crate::import::prometheus::segments::Segments;
use crate::random::Random;

fn files(fs: &dyn Fs, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs.list(dir).expect("memory") {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            found.extend(files(fs, &path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A few bytes changed, or the end cut off, or something behind it.
pub(super) fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    match random.below(8) {
        0 => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
        1 => bytes.extend((0..random.below(40)).map(|_| random.next() as u8)),
        _ => {
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len().max(1) as u64) as usize;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = match random.below(3) {
                        0 => 0xff,
                        1 => *byte ^ 1 << random.below(8),
                        _ => random.next() as u8,
                    };
                }
            }
        }
    }
}

#[test]
fn a_damaged_folder_reads_or_says_what_is_wrong() {
    let dir = testdata("data");
    let whole = walk(&in_memory(&dir), &dir).expect("readable").0.dump();
    let mut random = Random::new(7);
    let (mut refused, mut told) = (0, 0);
    for _ in 0..250 {
        let fs = in_memory(&dir);
        let files = files(&fs, &dir);
        let path = &files[random.below(files.len() as u64) as usize];
        let mut bytes = fs.read(path).expect("memory");
        mutate(&mut bytes, &mut random);
        put(&fs, path, &bytes);
        match walk(&fs, &dir) {
            Err(error) => {
                let text = error.to_string();
                assert!(
                    text.contains("/data/") || text.contains("segments of chunks"),
                    "{text}"
                );
                refused += 1;
            }
            Ok((_, walked)) if walked.iter().any(|w| !w.damage.is_empty()) => told += 1,
            // What lies behind the end, or in padding, or in parts that are not read, changes nothing.
            Ok((found, _)) => {
                let harmless =
                    path.ends_with("index") || path.ends_with("000001") || path.ends_with("meta.json");
                assert!(harmless || path.ends_with("00000000"), "{}", path.display());
                if !path.ends_with("meta.json") && !path.ends_with("00000000") {
                    assert_eq!(found.dump(), whole, "{}", path.display());
                }
            }
        }
    }
    assert!(refused > 30 && told > 10, "{refused} refused, {told} told of");
}

/// Every chunk of the fixture.
pub(super) fn chunks() -> Vec<(Encoding, Vec<u8>)> {
    let found = Prometheus::open(&RealFs, &testdata("data")).expect("readable");
    let dir = &found.blocks[0].dir;
    let mut index = Index::open(&RealFs, &dir.join("index")).expect("whole");
    let mut segments = Segments::open(&RealFs, &dir.join("chunks")).expect("whole");
    let mut chunks = Vec::new();
    while let Some(series) = index.next().expect("whole") {
        for meta in series.chunks {
            let keep = |encoding, data: &[u8]| {
                chunks.push((encoding, data.to_vec()));
                Ok::<(), &str>(())
            };
            segments.chunk(meta.reference, keep).expect("whole");
        }
    }
    chunks
}

#[test]
fn mutated_chunks_decode_to_little_or_to_an_error() {
    let chunks = chunks();
    let mut random = Random::new(3);
    let mut errors = 0;
    for _ in 0..20_000 {
        let (encoding, mut data) = chunks[random.below(chunks.len() as u64) as usize].clone();
        mutate(&mut data, &mut random);
        let encoding = match random.below(20) {
            0 => Encoding::Xor,
            1 => Encoding::Histogram,
            2 => Encoding::FloatHistogram,
            _ => encoding,
        };
        let mut samples = Samples::default();
        errors += usize::from(chunk::decode(encoding, &data, &mut samples).is_err());
        assert!(samples.len() <= usize::from(u16::MAX) && samples.timestamps.len() == samples.values.len());
    }
    assert!(errors > 500, "{errors}");
}

#[test]
fn a_chunk_that_names_billions_of_buckets_allocates_none() {
    // One sample, flags, zero threshold 0, schema 0, one span of 2^56 buckets.
    let mut data = vec![0, 1, 0, 0, 0b0100_1111, 0b1110_1111];
    data.extend([0xff; 30]);
    let mut samples = Samples::default();
    assert!(chunk::decode(Encoding::Histogram, &data, &mut samples).is_err());
    assert!(samples.is_empty());
}

#[test]
fn chunks_of_formats_to_come_are_refused_by_number_and_place() {
    let dir = testdata("data");
    let fs = in_memory(&dir);
    let block = Prometheus::open(&fs, &dir).expect("readable").blocks.remove(0);
    let path = block.dir.join("chunks/000001");
    let mut bytes = fs.read(&path).expect("memory");
    // Behind the header of 8 bytes: length (two bytes), encoding, data, checksum.
    let len = usize::from(bytes[8] & 0x7f) | usize::from(bytes[9]) << 7;
    bytes[10] = 7;
    let crc = crc32c::crc32c(&bytes[10..11 + len]);
    bytes[11 + len..15 + len].copy_from_slice(&crc.to_be_bytes());
    put(&fs, &path, &bytes);
    let error = block
        .walk(&fs, &mut |_: &Labels, _: &Samples| Ok(()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("encoding 7 ") && error.contains("chunks/000001 at offset 8"),
        "{error}"
    );
}

#[test]
fn series_entries_are_safe_behind_a_checksum_that_agrees() {
    let dir = testdata("data");
    let fs = in_memory(&dir);
    let path = Prometheus::open(&fs, &dir).expect("readable").blocks[0]
        .dir
        .join("index");
    let whole = fs.read(&path).expect("memory");
    let mut random = Random::new(11);
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.next() as u8;
        }
        mend(&mut bytes);
        put(&fs, &path, &bytes);
        let Ok(mut index) = Index::open(&fs, &path) else {
            continue;
        };
        let mut series = 0;
        while let Ok(Some(_)) = index.next() {
            series += 1;
            assert!(series <= whole.len());
        }
    }
}

/// Makes the checksums of contents, symbols and series agree again, as far as they can be found.
fn mend(bytes: &mut [u8]) {
    let crc_at = |bytes: &mut [u8], start: usize, end: usize| {
        if start <= end && end + 4 <= bytes.len() {
            let crc = crc32c::crc32c(&bytes[start..end]);
            bytes[end..end + 4].copy_from_slice(&crc.to_be_bytes());
        }
    };
    let toc = bytes.len() - 52;
    let place = |bytes: &[u8], i: usize| {
        usize::try_from(u64::from_be_bytes(
            bytes[toc + 8 * i..toc + 8 * i + 8].try_into().expect("eight"),
        ))
        .unwrap_or(0)
    };
    let (symbols, mut at, end) = (place(bytes, 0), place(bytes, 1), place(bytes, 2).min(toc));
    if symbols < toc {
        let len = u32::from_be_bytes(bytes[symbols..symbols + 4].try_into().expect("four")) as usize;
        crc_at(bytes, symbols + 4, (symbols + 4).saturating_add(len).min(toc));
    }
    while at + 1 < end {
        let (len, head) = match bytes[at] {
            long if long >= 0x80 => (usize::from(long & 0x7f) | usize::from(bytes[at + 1]) << 7, 2),
            short => (usize::from(short), 1),
        };
        crc_at(bytes, at + head, (at + head + len).min(toc));
        at = (at + head + len + 4).next_multiple_of(16).max(at + 16);
    }
    crc_at(bytes, toc, toc + 48);
}

#[test]
fn a_symbol_table_or_chunk_longer_than_the_file_is_refused() {
    let dir = testdata("data");
    let fs: Arc<MemoryFs> = Arc::new(in_memory(&dir));
    let block = Prometheus::open(&*fs, &dir).expect("readable").blocks.remove(0);
    let index = block.dir.join("index");
    let whole = fs.read(&index).expect("memory");
    let mut bytes = whole.clone();
    bytes[5..9].copy_from_slice(&u32::MAX.to_be_bytes());
    put(&*fs, &index, &bytes);
    let error = block
        .walk(&*fs, &mut |_: &Labels, _: &Samples| Ok(()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("index at offset 9"), "{error}");
    put(&*fs, &index, &whole);
    let chunks = block.dir.join("chunks/000001");
    let mut bytes = fs.read(&chunks).expect("memory");
    bytes[8..13].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    put(&*fs, &chunks, &bytes);
    let error = block
        .walk(&*fs, &mut |_: &Labels, _: &Samples| Ok(()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("000001 at offset 13"), "{error}");
}
