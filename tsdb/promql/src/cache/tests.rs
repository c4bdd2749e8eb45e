use std::sync::atomic::AtomicUsize;

use model::Labels;
use model::StoreError;
use model::metrics::{Metadata, MetricSnapshot, Sample};

use super::*;
use crate::memory::MemoryStore;
use crate::{ParserOptions, parse_with};

mod fuzz;

fn series(text: &str) -> Labels {
    let (labels, _) = crate::notation::parse_series(&format!("{text} 0")).unwrap();
    labels
}

fn push(store: &MemoryStore, text: &str, timestamp_ms: i64, value: f64) {
    store.push(&series(text), Sample { timestamp_ms, value });
}

/// Asks a cache, or the engine where there is none.
fn ask(
    engine: &Engine,
    cache: Option<&ResultsCache>,
    store: &dyn MetricStore,
    query: &str,
    (start_ms, end_ms, step_ms): (i64, i64, i64),
    context: &QueryContext,
) -> Result<QueryResult, QueryError> {
    let expr = parse_with(query, &ParserOptions::all())?;
    let context = &QueryContext {
        text: Some(query.into()),
        ..context.clone()
    };
    match cache {
        // A step of 0: at the end alone.
        Some(cache) if step_ms == 0 => cache.instant_expr(engine, store, &expr, end_ms, context),
        None if step_ms == 0 => engine.instant_expr(store, &expr, end_ms, context),
        Some(cache) => cache.range_expr(engine, store, &expr, start_ms, end_ms, step_ms, context),
        None => engine.range_expr(store, &expr, start_ms, end_ms, step_ms, context),
    }
}

/// A store that counts how often it is read.
#[derive(Debug, Default)]
struct Counting {
    store: MemoryStore,
    snapshots: AtomicUsize,
    /// Comes before the second snapshot is taken.
    before_second: Option<(Labels, Sample)>,
    pause: std::time::Duration,
}

impl MetricStore for Counting {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        let number = self.snapshots.fetch_add(1, Ordering::SeqCst);
        if let Some((labels, sample)) = self.before_second.as_ref().filter(|_| number == 1) {
            self.store.push(labels, *sample);
        }
        #[allow(clippy::disallowed_methods, reason = "a slow disk, and no runtime")]
        std::thread::sleep(self.pause);
        self.store.snapshot(start_ms, end_ms)
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        self.store.metadata()
    }

    fn revision(&self) -> Revision {
        self.store.revision()
    }

    fn changed_since(&self, revision: Revision) -> Option<i64> {
        self.store.changed_since(revision)
    }
}

impl Counting {
    fn new() -> Counting {
        let counting = Counting::default();
        for i in 0..100 {
            push(&counting.store, "a{x=\"1\"}", i * 1000, i as f64);
            push(&counting.store, "a{x=\"2\"}", i * 1000, -i as f64);
        }
        counting
    }

    fn reads(&self) -> usize {
        self.snapshots.load(Ordering::SeqCst)
    }

    /// Asks through the cache, and afresh, and compares; tells how often the store was read for the first.
    #[track_caller]
    fn ask(&self, cache: &ResultsCache, query: &str, start_ms: i64, end_ms: i64) -> usize {
        let (window, context) = ((start_ms, end_ms, 1000), QueryContext::default());
        let before = self.reads();
        let answer = ask(&Engine::default(), Some(cache), self, query, window, &context);
        let reads = self.reads() - before;
        let fresh = ask(&Engine::default(), None, &self.store, query, window, &context);
        assert_eq!(answer.unwrap(), fresh.unwrap(), "{query}");
        reads
    }
}

#[test]
fn an_instant_is_read_again_only_when_something_before_it_changed() {
    let store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    let reads = |query: &str, time_ms: i64| {
        let (window, context) = ((time_ms, time_ms, 0), QueryContext::default());
        let before = store.reads();
        let answer = ask(&Engine::default(), Some(&cache), &store, query, window, &context).unwrap();
        let reads = store.reads() - before;
        let fresh = ask(&Engine::default(), None, &store.store, query, window, &context).unwrap();
        assert_eq!(answer, fresh, "{query}");
        reads
    };
    assert_eq!(reads("sum(a)", 50_000), 1);
    assert_eq!(reads("sum(a)", 50_000), 0);
    assert_eq!(reads("sum(a)", 50_001), 1, "another time");
    assert_eq!(reads("sum(a offset -10s)", 50_000), 1);
    push(&store.store, "a{x=\"3\"}", 55_000, 1.0);
    assert_eq!(reads("sum(a)", 50_000), 0, "later than that");
    assert_eq!(reads("sum(a offset -10s)", 50_000), 1, "it looks ahead");
    push(&store.store, "a{x=\"3\"}", 50_000, 1.0);
    assert_eq!(reads("sum(a)", 50_000), 1);
}

#[test]
fn what_was_asked_before_is_not_read_again() {
    let store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    assert_eq!(store.ask(&cache, "sum(a)", 10_000, 50_000), 1);
    assert_eq!(store.ask(&cache, "sum(a)", 10_000, 50_000), 0);
    assert_eq!(store.ask(&cache, "sum(a)", 20_000, 30_000), 0, "a part of it");
    assert_eq!(store.ask(&cache, "sum(a)", 20_000, 60_000), 1, "some more");
    assert_eq!(store.ask(&cache, "sum(a)", 20_500, 60_500), 1, "beside it");
    assert_eq!(
        store.ask(&cache, "sum( a)", 20_000, 60_000),
        1,
        "written otherwise"
    );
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.partial_hits, stats.misses), (2, 1, 3));
    assert_eq!((stats.entries, stats.bypassed), (3, 0));
    assert!(stats.bytes > 0 && stats.bytes < 10_000, "{stats:?}");
    cache.clear();
    assert_eq!(store.ask(&cache, "sum(a)", 20_000, 60_000), 1);
}

#[test]
fn late_samples_and_deletions_count() {
    let store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    store.ask(&cache, "sum(a)", 0, 90_000);
    push(&store.store, "a{x=\"3\"}", 50_000, 7.0);
    assert_eq!(
        store.ask(&cache, "sum(a)", 0, 49_000),
        0,
        "before it all is as it was"
    );
    assert_eq!(store.ask(&cache, "sum(a)", 0, 90_000), 1);
    store.store.erase(&series("a{x=\"1\"}"), 20_000, 60_000);
    assert_eq!(store.ask(&cache, "sum(a)", 0, 90_000), 1);
    push(&store.store, "a{x=\"1\"}", 91_000, 0.0);
    assert_eq!(store.ask(&cache, "sum(a)", 0, 90_000), 0);
    store.store.clear();
    assert_eq!(store.ask(&cache, "sum(a)", 0, 90_000), 1);
}

#[test]
fn expressions_that_look_ahead_do_not_miss_what_they_see() {
    let store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    for query in [
        "a offset -10s",
        "a @ 60",
        "sum_over_time(a[5s:1s] offset -10s)",
        "a @ end()",
        "sort(a)",
    ] {
        store.ask(&cache, query, 0, 50_000);
    }
    push(&store.store, "a{x=\"3\"}", 60_000, 7.0);
    for query in ["a offset -10s", "a @ 60", "sum_over_time(a[5s:1s] offset -10s)"] {
        assert_eq!(store.ask(&cache, query, 0, 50_000), 1, "{query}");
        assert_eq!(store.ask(&cache, query, 0, 50_000), 0, "{query}");
    }
    for query in ["a @ end()", "sort(a)"] {
        assert_eq!(store.ask(&cache, query, 0, 50_000), 0, "{query}");
        assert_eq!(store.ask(&cache, query, 0, 51_000), 1, "{query}");
    }
}

#[test]
fn an_answer_is_of_one_moment() {
    let mut store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    store.ask(&cache, "sum(a)", 0, 50_000);
    // While the new steps are evaluated a late sample comes: the old steps lack it, the new ones have it.
    let sample = Sample {
        timestamp_ms: 30_000,
        value: 1e6,
    };
    store.before_second = Some((series("a{x=\"3\"}"), sample));
    assert_eq!(
        store.ask(&cache, "sum(a)", 1000, 51_000),
        2,
        "the second time as a whole"
    );
}

#[test]
fn what_cannot_be_kept_is_evaluated() {
    let store = Counting::new();
    let none = ResultsCache::new(0);
    assert_eq!(store.ask(&none, "a", 0, 50_000), 1);
    assert_eq!(store.ask(&none, "a", 0, 50_000), 1);
    assert_eq!(none.stats().bypassed, 2);
    let small = ResultsCache::new(4000);
    assert_eq!(store.ask(&small, "a", 0, 90_000), 1);
    assert_eq!(
        store.ask(&small, "a", 0, 90_000),
        1,
        "larger than a quarter of all"
    );
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    let coarse = QueryContext {
        max_resolution_ms: 300_000,
        ..QueryContext::default()
    };
    for _ in 0..2 {
        let answer = ask(
            &Engine::default(),
            Some(&cache),
            &store,
            "a",
            (0, 90_000, 1000),
            &coarse,
        );
        assert!(answer.is_ok());
    }
    assert_eq!(cache.stats().bypassed, 2);
}

#[test]
fn errors_are_those_of_the_engine_and_not_kept() {
    let store = Counting::new();
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    let context = QueryContext::default();
    for (query, start_ms, end_ms, step_ms) in [
        ("a +", 0, 1, 1),
        ("a[5m]", 0, 1, 1),
        ("a", 1, 0, 1),
        ("a", 0, 1, 0),
        ("a", 0, 1 << 40, 1),
        ("a", i64::MIN, i64::MAX, i64::MAX),
        ("a * on () a", 0, 90_000, 1000),
    ] {
        let window = (start_ms, end_ms, step_ms);
        let cached = ask(&Engine::default(), Some(&cache), &store, query, window, &context);
        let fresh = ask(&Engine::default(), None, &store, query, window, &context);
        match (cached, fresh) {
            (Err(cached), Err(fresh)) => assert_eq!(cached.to_string(), fresh.to_string()),
            (Ok(cached), Ok(fresh)) => assert_eq!(cached, fresh),
            (cached, fresh) => panic!("{query}: {cached:?}, {fresh:?}"),
        }
    }
    assert!(cache.stats().entries <= 1);
}

#[test]
fn the_same_asked_at_once_is_evaluated_once() {
    let mut store = Counting::new();
    store.pause = std::time::Duration::from_millis(200);
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    let context = QueryContext::default();
    let ask = || {
        ask(
            &Engine::default(),
            Some(&cache),
            &store,
            "sum(a)",
            (0, 90_000, 1000),
            &context,
        )
        .unwrap()
    };
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(store.reads(), 1);
    assert_eq!((cache.stats().misses, cache.stats().hits), (1, 3));
}

#[test]
fn one_who_waits_can_be_called_off() {
    let mut store = Counting::new();
    store.pause = std::time::Duration::from_secs(2);
    let cache = ResultsCache::new(DEFAULT_MAX_BYTES);
    let ask = |context: &QueryContext| {
        ask(
            &Engine::default(),
            Some(&cache),
            &store,
            "sum(a)",
            (0, 90_000, 1000),
            context,
        )
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(&QueryContext::default()));
        while store.reads() == 0 {
            std::thread::yield_now();
        }
        let called_off = QueryContext::default();
        called_off.cancel.store(true, Ordering::Relaxed);
        assert!(matches!(ask(&called_off), Err(QueryError::Canceled)));
        assert!(first.join().unwrap().is_ok());
    });
}
