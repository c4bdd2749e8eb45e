//! Bad bytes: whatever bit is flipped and wherever a file is cut, an answer is right or an error.

use super::*;

/// What a block answers: everything, one series, labels.
type Answers = (Content, Content, Vec<String>, Vec<String>);

fn ask(fs: &MemoryFs, dir: &Path) -> Result<Answers, StoreError> {
    let block = Arc::new(Block::open(fs, dir, &cache())?);
    let matcher = Matcher::new("instance", model::MatchOp::Regex, "host-00[12].*")
        .map_err(|e| StoreError::Invalid(e.to_string()))?;
    let mut some = Vec::new();
    for series in block.select(&[matcher, Matcher::equal("job", "node")], i64::MIN, i64::MAX)? {
        let mut samples = Samples::default();
        series.read(i64::MIN, i64::MAX, &mut samples)?;
        some.push((series.labels, samples));
    }
    Ok((
        read_all(&block)?,
        some,
        block.label_names()?,
        block.label_values("mode", None)?,
    ))
}

fn check(expected: &Answers, found: Result<Answers, StoreError>, what: &str) {
    match found {
        Ok(found) => assert!(
            same(&expected.0, &found.0)
                && same(&expected.1, &found.1)
                && (&expected.2, &expected.3) == (&found.2, &found.3),
            "{what}"
        ),
        Err(StoreError::Corrupt { what: place, .. }) => {
            assert!(place.contains("/db/blocks/"), "{what}: {place}")
        }
        Err(StoreError::Invalid(text)) => assert!(text.contains("version"), "{what}: {text}"),
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn a_bit_flipped_in_any_byte_leaves_right_answers_or_an_error_and_is_found_by_verify() {
    for effort in [Effort::Fast, Effort::Best] {
        let content = exporter_like(30, 3, 4);
        let fs = fs();
        let dir = write(&fs, 1, effort, &content).unwrap();
        let expected = ask(&fs, &dir).unwrap();
        for file in fs.list(&dir).unwrap() {
            let path = dir.join(&file.name);
            for byte in 0..file.len as usize {
                let bit = 8 * byte + byte % 8;
                fs.flip_bit(&path, bit).unwrap();
                check(&expected, ask(&fs, &dir), &format!("{} bit {bit}", file.name));
                let verified = Block::open(&fs, &dir, &cache()).and_then(|block| Arc::new(block).verify());
                assert!(verified.is_err(), "{} bit {bit}", file.name);
                fs.flip_bit(&path, bit).unwrap();
            }
        }
        check(&expected, ask(&fs, &dir), "healed");
    }
}

#[test]
fn every_cut_is_noticed() {
    let content = exporter_like(31, 1, 6);
    let fs = fs();
    let dir = write(&fs, 1, Effort::Fast, &content).unwrap();
    for file in fs.list(&dir).unwrap() {
        let path = dir.join(&file.name);
        let bytes = fs.read(&path).unwrap();
        for len in (0..bytes.len()).rev() {
            fs.truncate(&path, len as u64).unwrap();
            assert!(
                matches!(ask(&fs, &dir), Err(StoreError::Corrupt { .. })),
                "{} cut at {len}",
                file.name
            );
        }
        fs.create(&path).unwrap().write_all(&bytes).unwrap();
    }
    ask(&fs, &dir).unwrap();
}

/// Checksums that are right over bytes that are not: what a faulty writer would leave, or somebody with intent.
#[test]
fn nonsense_behind_right_checksums_does_no_harm() {
    let content = exporter_like(32, 3, 30);
    let fs = fs();
    let dir = write(&fs, 1, Effort::Fast, &content).unwrap();
    let block = Block::open(&fs, &dir, &cache()).unwrap();
    let mut pages: Vec<(PathBuf, std::ops::Range<u64>)> = Vec::new();
    for (number, range) in block.layout.tables.iter().enumerate() {
        pages.push((dir.join(INDEX_FILE), range.clone()));
        if number < meta::NAMES {
            let table = block.table(number).unwrap();
            pages.extend(table.iter().map(|page| (dir.join(INDEX_FILE), page.range())));
        }
    }
    let series = block.series_table().unwrap();
    let first = block.entries(*series.get(0).unwrap(), series.end_of(0)).unwrap();
    pages.extend(first.chunk_ranges().map(|range| (dir.join(CHUNKS_FILE), range)));
    let mut random = Random::new(33);
    for (path, range) in pages {
        let bytes = fs.read(&path).unwrap();
        for _ in 0..100 {
            let mut bad = bytes.clone();
            let page = &mut bad[range.start as usize..range.end as usize];
            for _ in 0..1 + random.below(3) {
                let at = 4 + random.below(page.len() as u64 - 4) as usize;
                page[at] = random.next() as u8;
            }
            let checksum = crc32c::crc32c(&page[4..]);
            page[..4].copy_from_slice(&checksum.to_le_bytes());
            fs.create(&path).unwrap().write_all(&bad).unwrap();
            // Neither answer matters, only that there is one.
            let _ = ask(&fs, &dir);
            let _ = Block::open(&fs, &dir, &cache()).and_then(|block| Arc::new(block).verify());
        }
        fs.create(&path).unwrap().write_all(&bytes).unwrap();
    }
}

#[test]
fn a_block_of_another_version_is_refused_by_name() {
    let fs = fs();
    let dir = write(&fs, 1, Effort::Fast, &exporter_like(34, 1, 2)).unwrap();
    let path = dir.join("meta");
    let mut bytes = fs.read(&path).unwrap();
    bytes[7] = 1;
    fs.create(&path).unwrap().write_all(&bytes).unwrap();
    let error = Block::open(&fs, &dir, &cache()).unwrap_err().to_string();
    assert!(
        error.contains("version 1") && error.contains("version 2"),
        "{error}"
    );
    assert!(error.contains("0000000001_"), "{error}");
}
