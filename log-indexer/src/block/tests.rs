use model::spans::{SpanId, TraceId};

use super::*;

fn entry(timestamp_ns: i64, seq: u64, line: &str, metadata: &[(&str, &str)]) -> Entry {
    Entry {
        timestamp_ns,
        seq,
        line: line.into(),
        extras: Extras {
            metadata: Labels::from_pairs(metadata.iter().copied()),
            trace_id: (!metadata.is_empty()).then_some(TraceId(u128::MAX)),
            span_id: (metadata.len() > 1).then_some(SpanId(1)),
        },
    }
}

fn sample() -> (Labels, Vec<Entry>) {
    let entries = vec![
        entry(-5, 9, "", &[]),
        entry(-5, 12, "two\nlines", &[("a", "1")]),
        entry(7, 3, "größe 日本", &[("a", "1"), ("b", "2")]),
    ];
    (Labels::from_pairs([("app", "x")]), entries)
}

#[test]
fn a_block_gives_back_its_lines() {
    let (stream, entries) = sample();
    let lines: Vec<&Entry> = entries.iter().collect();
    let payload = encode(&stream, &lines).unwrap().unwrap();
    let block = decode(&payload).unwrap();
    assert_eq!((block.header.first_ns, block.header.last_ns), (-5, 7));
    assert_eq!((block.header.count, block.header.max_seq), (3, 12));
    let back: Vec<LogRecord> = block.lines().map(Line::to_record).collect();
    let want: Vec<LogRecord> = entries.iter().map(|e| e.to_record(&stream)).collect();
    assert_eq!(back, want);
    assert_eq!(block.lines().map(|l| l.seq()).collect::<Vec<_>>(), [9, 12, 3]);
    assert!(encode(&stream, &[]).is_none());
}

#[test]
fn no_damage_panics() {
    let (stream, entries) = sample();
    let lines: Vec<&Entry> = entries.iter().collect();
    let payload = encode(&stream, &lines).unwrap().unwrap();
    for cut in 0..payload.len() {
        assert!(decode(&payload[..cut]).is_none(), "cut at {cut}");
    }
    for bit in 0..payload.len() * 8 {
        let mut bad = payload.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Some(block) = decode(&bad) {
            block.lines().for_each(|l| drop(l.to_record()));
        }
    }
}
