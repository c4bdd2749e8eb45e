//! Random operations against the store and a plain vector; both must answer alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use durable::{MemoryFs, RealFs};
use log_indexer::Logs;
use model::logs::{Direction, LineFilter, LogQuery, LogRecord, LogSink, LogStore};
use model::spans::{SpanId, TraceId};
use model::{Labels, MatchOp, Matcher};

use super::support::{DAY_NS, HOUR_NS, Rng, clock, open_fs, options, stream};

const WORDS: [&str; 12] = [
    "error",
    "Connection",
    "refused",
    "by",
    "peer",
    "größe",
    "日本語",
    "id=42",
    "GET /a/b",
    "\n",
    "refusedly",
    "",
];

fn random_line(rng: &mut Rng) -> LogRecord {
    let words = rng.below(6);
    let text: Vec<&str> = (0..words).map(|_| *rng.pick(&WORDS)).collect();
    let traced = rng.below(3) == 0;
    LogRecord {
        // Few different times, so that many are equal, over three days.
        timestamp_ns: DAY_NS - 2 * 24 * HOUR_NS + (rng.below(60) as i64) * HOUR_NS,
        stream: stream(rng.pick::<&str>(&["a", "b", "c"])),
        line: text.join(" "),
        metadata: match rng.below(3) {
            0 => Labels::from_pairs([("level", *rng.pick(&["info", "Error code"]))]),
            _ => Labels::empty(),
        },
        trace_id: traced.then(|| TraceId(u128::from(rng.below(4)) + 1)),
        span_id: traced.then_some(SpanId(7)),
    }
}

fn random_query(rng: &mut Rng) -> LogQuery {
    let mut query = LogQuery {
        start_ns: DAY_NS - 2 * 24 * HOUR_NS + (rng.below(50) as i64) * HOUR_NS,
        limit: usize::try_from(rng.below(40)).unwrap() + 1,
        direction: *rng.pick(&[Direction::Forward, Direction::Backward]),
        ..LogQuery::default()
    };
    query.end_ns = query.start_ns + (rng.below(70) as i64) * HOUR_NS / 2;
    if rng.below(2) == 0 {
        query.limit = 1000;
    }
    for _ in 0..rng.below(3) {
        query.matchers.push(match rng.below(4) {
            0 => Matcher::equal("app", "a"),
            1 => Matcher::new("app", MatchOp::Regex, "a|c").unwrap(),
            2 => Matcher::new("app", MatchOp::NotEqual, "b").unwrap(),
            _ => Matcher::equal("absent", ""),
        });
    }
    if rng.below(2) == 0 {
        let needle = *rng.pick(&[
            "nection refused b",
            "refused",
            " by ",
            "größ",
            "id=42 ",
            "42",
            "日",
            "\n",
            "",
        ]);
        query.filters.push(match rng.below(4) {
            0 | 1 => LineFilter::Contains(needle.to_owned()),
            2 => LineFilter::NotContains(needle.to_owned()),
            _ => LineFilter::Matches(regex::Regex::new("re.used|b").unwrap()),
        });
    }
    match rng.below(6) {
        0 => {
            query.text =
                Some((*rng.pick(&["ERROR", "peer by", "GRÖßE", "code", "refused info", "42"])).to_owned())
        }
        1 => query.trace_id = Some(TraceId(u128::from(rng.below(5)))),
        _ => {}
    }
    query
}

fn words(text: &str) -> BTreeSet<String> {
    let fold = |word: &str| word.chars().flat_map(char::to_lowercase).collect::<String>();
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(fold)
        .collect()
}

fn matches(query: &LogQuery, record: &LogRecord) -> bool {
    let mut all_words = words(&record.line);
    for (_, value) in record.metadata.iter() {
        all_words.append(&mut words(value));
    }
    record.timestamp_ns >= query.start_ns
        && record.timestamp_ns < query.end_ns
        && query.matchers.iter().all(|m| m.matches_labels(&record.stream))
        && query.filters.iter().all(|f| f.accepts(&record.line))
        && words(query.text.as_deref().unwrap_or("")).is_subset(&all_words)
        && query.trace_id.is_none_or(|id| record.trace_id == Some(id))
}

/// What a plain vector in the order of arrival answers: stable sorting keeps that order among equal times.
fn expected(query: &LogQuery, arrived: &[LogRecord]) -> Vec<LogRecord> {
    let mut found: Vec<LogRecord> = arrived.iter().filter(|r| matches(query, r)).cloned().collect();
    match query.direction {
        Direction::Forward => found.sort_by_key(|r| r.timestamp_ns),
        Direction::Backward => found.sort_by_key(|r| std::cmp::Reverse(r.timestamp_ns)),
    }
    found.truncate(query.limit);
    found
}

fn check(logs: &Logs, arrived: &[LogRecord], rng: &mut Rng, run: &str) {
    let query = random_query(rng);
    let want = expected(&query, arrived);
    assert_eq!(logs.query(&query).unwrap(), want, "{run}: {query:?}");

    let step = HOUR_NS * 3 / 2;
    let unlimited = LogQuery {
        limit: usize::MAX,
        ..query.clone()
    };
    let counted = LogQuery {
        limit: 0,
        ..query.clone()
    };
    let times: Vec<i64> = expected(&unlimited, arrived)
        .iter()
        .map(|r| r.timestamp_ns)
        .collect();
    for count in logs.count(&counted, step).unwrap() {
        let in_step = |t: &&i64| (count.start_ns..count.start_ns + step).contains(*t);
        let want = times.iter().filter(in_step).count() as u64;
        assert_eq!(count.count, want, "{run}: {query:?} at {}", count.start_ns);
    }

    let streams: BTreeSet<Labels> = expected(
        &LogQuery {
            filters: Vec::new(),
            text: None,
            trace_id: None,
            ..unlimited
        },
        arrived,
    )
    .into_iter()
    .map(|r| r.stream)
    .collect();
    let series = logs
        .series(&query.matchers, query.start_ns, query.end_ns)
        .unwrap();
    assert_eq!(
        series,
        streams.into_iter().collect::<Vec<_>>(),
        "{run}: {query:?}"
    );
}

fn run(seed: u64, reopen: impl Fn() -> Logs) {
    let mut rng = Rng::new(seed);
    let mut logs = reopen();
    let mut arrived = Vec::new();
    for step in 0..120 {
        let run = format!("seed {seed}, step {step}");
        match rng.below(12) {
            0..4 => {
                let batch: Vec<LogRecord> = (0..rng.below(12)).map(|_| random_line(&mut rng)).collect();
                logs.append(&batch).unwrap();
                arrived.extend(batch);
            }
            4 => logs.flush().unwrap(),
            5 => logs.maintain().unwrap(),
            6 if rng.below(2) == 0 => {
                drop(logs);
                logs = reopen();
            }
            _ => check(&logs, &arrived, &mut rng, &run),
        }
    }
    drop(logs);
    let logs = reopen();
    for _ in 0..20 {
        check(&logs, &arrived, &mut rng, &format!("seed {seed}, at the end"));
    }
}

#[test]
fn in_memory_it_answers_as_a_plain_vector_does() {
    for seed in 0..8 {
        let fs = MemoryFs::new();
        run(seed, || open_fs(Arc::new(fs.clone())).unwrap().0);
    }
}

#[test]
fn on_disk_it_answers_as_a_plain_vector_does() {
    for seed in 100..102 {
        let dir = tempfile::tempdir().unwrap();
        run(seed, || {
            Logs::open(Arc::new(RealFs), dir.path(), options(), clock())
                .unwrap()
                .0
        });
    }
}
