//! What goes in comes out: by query, by range, from one end to the other, with and without compression.

use super::*;

#[test]
fn every_sample_comes_back_bit_for_bit() {
    for (seed, instances, samples, effort) in [
        (1, 1, 1, Effort::Fast),
        (2, 3, 20, Effort::Fast),
        (3, 40, 120, Effort::Fast),
        (4, 40, 30, Effort::Best),
        (5, 2, 9000, Effort::Best),
        (6, 2, 9000, Effort::Fast),
    ] {
        let content = exporter_like(seed, instances, samples);
        let fs = fs();
        let block = block_of(&fs, seed, effort, &content);
        assert!(same(&read_all(&block).unwrap(), &content), "seed {seed}");
        assert!(same(&read_through(&block).unwrap(), &content), "seed {seed}");
        block.verify().unwrap();
        let meta = block.meta();
        assert_eq!(meta.series, content.len() as u64);
        assert_eq!(
            meta.samples,
            content.iter().map(|(_, s)| s.len() as u64).sum::<u64>()
        );
        let files = fs.list(block.dir()).unwrap();
        assert_eq!(meta.bytes, files.iter().map(|f| f.len).sum::<u64>());
    }
}

#[test]
fn an_empty_block_can_be_asked() {
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Best, &Vec::new());
    assert!(read_all(&block).unwrap().is_empty());
    assert!(read_through(&block).unwrap().is_empty());
    assert!(block.label_names().unwrap().is_empty());
    block.verify().unwrap();
}

#[test]
fn a_range_gives_the_samples_within_it() {
    let content = exporter_like(7, 3, 5000);
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Best, &content);
    let mut random = Random::new(8);
    for _ in 0..40 {
        let start = 1_700_000_000_000 + random.below(80_000_000) as i64 - 1_000_000;
        let end = start + random.below(20_000_000) as i64;
        let mut expected: Content = content.clone();
        for (_, samples) in &mut expected {
            let mut kept = Samples::default();
            for sample in samples.iter().filter(|s| (start..=end).contains(&s.timestamp_ms)) {
                kept.push(sample.timestamp_ms, sample.value);
            }
            if let (Some(first), Some(last)) = (kept.timestamps.first(), kept.timestamps.last()) {
                samples.starts.copy_range(*first, *last, &mut kept.starts);
            }
            kept.histograms = samples.histograms.clone();
            kept.histograms.retain(|(ms, _)| (start..=end).contains(ms));
            *samples = kept;
        }
        expected.retain(|(_, samples)| !samples.is_empty());
        let mut found = Vec::new();
        for series in block.select(&[], start, end).unwrap() {
            let mut samples = Samples::default();
            series.read(start, end, &mut samples).unwrap();
            found.push((series.labels, samples));
        }
        for (_, samples) in &mut found {
            let mut starts = model::Starts::default();
            if let (Some(first), Some(last)) = (samples.timestamps.first(), samples.timestamps.last()) {
                samples.starts.copy_range(*first, *last, &mut starts);
            }
            samples.starts = starts;
        }
        // A chunk may overlap the range although no sample lies in it.
        found.retain(|(_, samples)| !samples.is_empty());
        assert!(same(&found, &expected), "{start}..={end}");
    }
}

#[test]
fn reading_appends_and_leaves_alone_what_is_there() {
    let content = exporter_like(9, 1, 10);
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Fast, &content);
    let series = block.select(&[], i64::MIN, i64::MAX).unwrap();
    let mut samples = Samples::default();
    samples.push(1, 2.0);
    series[0].read(i64::MIN, i64::MAX, &mut samples).unwrap();
    assert_eq!(samples.len(), 1 + content[0].1.len());
    assert_eq!((samples.timestamps[0], samples.values[0]), (1, 2.0));
}

#[test]
fn times_that_series_share_are_kept_once() {
    let grid: Vec<i64> = (0..400).map(|k| k * 15_000 + (k * k) % 7919).collect();
    let shared = |own: bool| -> Content {
        let series = |i: i64| {
            let shift = if own { i } else { 0 };
            let mut samples = Samples::default();
            grid.iter()
                .for_each(|ms| samples.push(ms + shift * (ms / 15_000) % 5000, 1.0));
            (Labels::from_pairs([("__name__", format!("m{i:05}"))]), samples)
        };
        (0..2000).map(series).collect()
    };
    let fs = fs();
    let (one, many) = (shared(false), shared(true));
    let bytes = |id, content: &Content| {
        let block = block_of(&fs, id, Effort::Fast, content);
        assert!(same(&read_all(&block).unwrap(), content));
        block.verify().unwrap();
        block.meta().bytes
    };
    let (one, many) = (bytes(1, &one), bytes(2, &many));
    assert!(one * 3 < many * 2, "{one} {many}");
}

#[test]
fn series_out_of_order_are_refused_and_those_without_samples_passed_over() {
    let fs = fs();
    let mut content = exporter_like(10, 2, 5);
    content.push((Labels::from_pairs([("__name__", "zzz")]), Samples::default()));
    let block = block_of(&fs, 1, Effort::Fast, &content);
    assert_eq!(block.meta().series, content.len() as u64 - 1);
    content.swap(0, 1);
    assert!(matches!(
        write(&fs, 2, Effort::Fast, &content),
        Err(StoreError::Invalid(_))
    ));
    assert!(!fs.exists(Path::new("/db/blocks/0000000002.tmp")));
}

#[test]
fn samples_out_of_order_are_refused_for_nobody_could_read_them() {
    let fs = fs();
    for times in [[5, 5], [5, 4]] {
        let mut samples = Samples::default();
        times.iter().for_each(|ms| samples.push(*ms, 1.0));
        let content = vec![(Labels::from_pairs([("a", "b")]), samples)];
        assert!(matches!(
            write(&fs, 2, Effort::Fast, &content),
            Err(StoreError::Invalid(_))
        ));
        let samples = Samples {
            histograms: times.map(|ms| (ms, Arc::new(histogram(1)))).to_vec(),
            ..Samples::default()
        };
        let content = vec![(Labels::from_pairs([("a", "b")]), samples)];
        assert!(matches!(
            write(&fs, 2, Effort::Fast, &content),
            Err(StoreError::Invalid(_))
        ));
    }
}

#[test]
fn an_idle_block_holds_nothing_of_its_index_and_the_cache_keeps_its_bound() {
    let content = exporter_like(11, 200, 40);
    let fs = fs();
    let dir = write(&fs, 1, Effort::Best, &content).unwrap();
    let cache = Arc::new(BlockCache::new(256 << 10));
    let block = Arc::new(Block::open(&fs, &dir, &cache).unwrap());
    assert_eq!(cache.used_bytes(), 0);
    assert!(same(&read_all(&block).unwrap(), &content));
    assert!(cache.used_bytes() > 0 && cache.used_bytes() <= 256 << 10);
    drop(block);
    assert_eq!(cache.used_bytes(), 0);
}
