//! Pages of series come back as they were written, and bad ones are refused.

use super::*;
use crate::random::Random;

type Series = (Vec<(u32, u32)>, Vec<ChunkEntry>);

fn random_series(random: &mut Random, names: u64) -> Series {
    let pairs = (0..random.below(names))
        .map(|i| {
            let bits = random.below(20);
            (i as u32 * 3, random.below(2 << bits) as u32)
        })
        .collect();
    let mut at = -50_000;
    let chunks = (0..1 + random.below(3))
        .map(|_| {
            at += random.below(100_000) as i64;
            let own = Span::new(at, random.below(1000), 1 + random.below(4096)).unwrap();
            let kinds = [Kind::Floats, Kind::Histograms, Kind::Starts];
            ChunkEntry {
                kind: kinds[random.below(3) as usize],
                times: match random.below(2) {
                    0 => Times::Own(own),
                    _ => Times::Column(random.below(200) as u32),
                },
                len: 1 + random.below(300) as u32,
            }
        })
        .collect();
    (pairs, chunks)
}

fn written(writer: &mut EntryWriter, series: &[Series]) -> Vec<u8> {
    let mut open = 0;
    let mut offset = 8;
    for (pairs, chunks) in series {
        for chunk in chunks {
            open += chunk.len;
            if open >= 500 {
                writer.push_chunk_page(
                    offset,
                    ChunkPage {
                        len: open + 5,
                        content: open,
                    },
                );
                offset += u64::from(open + 5);
                open = 0;
            }
        }
        writer.push(pairs, chunks);
    }
    if open > 0 {
        writer.push_chunk_page(
            offset,
            ChunkPage {
                len: open + 5,
                content: open,
            },
        );
    }
    writer.take()
}

#[test]
fn series_come_back_with_the_places_of_their_chunks() {
    let mut random = Random::new(11);
    let mut writer = EntryWriter::default();
    for _ in 0..50 {
        let series: Vec<Series> = (0..random.below(60))
            .map(|_| random_series(&mut random, 6))
            .collect();
        let page = EntryPage::decode(written(&mut writer, &series)).unwrap();
        assert_eq!(page.count(), series.len() as u64);
        let mut cursor = page.cursor();
        let mut position = (0, 0);
        for (pairs, chunks) in &series {
            assert!(cursor.advance().unwrap());
            assert_eq!(&cursor.pairs, pairs);
            assert_eq!(cursor.chunks.len(), chunks.len());
            for (placed, chunk) in cursor.chunks.iter().zip(chunks) {
                assert_eq!(placed.entry, *chunk);
                assert_eq!((placed.page, placed.start), position);
                position.1 += chunk.len;
                if position.1 >= 500 {
                    position = (position.0 + 1, 0);
                }
            }
        }
        assert!(!cursor.advance().unwrap());
    }
}

#[test]
fn bad_bytes_end_in_an_error_or_in_other_series() {
    let mut random = Random::new(12);
    let mut writer = EntryWriter::default();
    let series: Vec<Series> = (0..20).map(|_| random_series(&mut random, 5)).collect();
    let bytes = written(&mut writer, &series);
    for _ in 0..20_000 {
        let mut bad = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bad.len() as u64) as usize;
            bad[at] = random.next() as u8;
        }
        bad.truncate(bytes.len() - random.below(3) as usize);
        let Ok(page) = EntryPage::decode(bad) else {
            continue;
        };
        let mut cursor = page.cursor();
        let mut steps = 0;
        while let Ok(true) = cursor.advance() {
            steps += 1;
        }
        assert!(steps <= bytes.len());
    }
}
