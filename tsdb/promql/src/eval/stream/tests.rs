use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use model::metrics::{
    Metadata, MetricSnapshot, MetricStore, Sample, Samples, SelectHints, SeriesReader, SeriesSet,
};
use model::{Labels, Matcher, StoreError};

use crate::memory::MemoryStore;
use crate::{Engine, EngineOptions, QueryContext, QueryError, QueryResult, Value};

const SERIES: usize = 150;
const SAMPLES: i64 = 120;

/// Counters of which some reset, in several groups, with values whose sums round.
fn store() -> MemoryStore {
    let store = MemoryStore::new();
    for i in 0..SERIES {
        let (x, y) = (i.to_string(), (i % 7).to_string());
        let labels = Labels::from_pairs([("__name__", "a_total"), ("x", x.as_str()), ("y", y.as_str())]);
        let mut value = 0.0;
        for t in 0..SAMPLES {
            value += 0.1 + (t as f64 * 0.37 + i as f64).sin().abs() * 10f64.powi((i % 17) as i32 - 8);
            if (t + i as i64) % 50 == 0 {
                value = 0.3;
            }
            store.push(
                &labels,
                Sample {
                    timestamp_ms: t * 15_000,
                    value,
                },
            );
        }
    }
    store
}

fn engine(threads: usize) -> Engine {
    Engine::new(EngineOptions {
        threads,
        ..EngineOptions::default()
    })
}

fn ask(engine: &Engine, store: &dyn MetricStore, query: &str) -> Result<QueryResult, QueryError> {
    engine.range(store, query, 600_000, 1_700_000, 5_000, &QueryContext::default())
}

/// Labels and the bits of all values.
fn bits(result: QueryResult) -> Vec<(String, Vec<(i64, u64)>)> {
    let Value::Matrix(matrix) = result.value else {
        panic!("{:?}", result.value);
    };
    let points = |s: &crate::RangeSeries| s.floats().map(|p| (p.timestamp_ms, p.value.to_bits())).collect();
    matrix.iter().map(|s| (s.labels.to_string(), points(s))).collect()
}

const CHAINS: [&str; 12] = [
    "a_total",
    "rate(a_total[5m])",
    "-rate(a_total[5m]) * 3 > -2",
    "sum(rate(a_total[5m]))",
    "sum by (y) (rate(a_total[5m]) * 8)",
    "avg without (x) (a_total)",
    "stddev by (y) (a_total)",
    "quantile by (y) (0.9, a_total)",
    "topk(3, sum by (y) (rate(a_total[5m])))",
    "topk by (y) (2, a_total)",
    "max_over_time(rate(a_total[2m])[10m:1m])",
    "sum by (y) (a_total) / count by (y) (a_total)",
];

#[test]
fn threads_change_no_bit() {
    let store = store();
    for query in CHAINS {
        let inline = bits(ask(&engine(0), &store, query).unwrap());
        assert!(!inline.is_empty(), "{query}");
        for threads in [2, 5] {
            let parallel = bits(ask(&engine(threads), &store, query).unwrap());
            assert!(inline == parallel, "{query} with {threads} threads");
        }
    }
}

#[test]
fn a_fold_of_a_chain_is_that_of_its_frame() {
    let store = store();
    for op in ["sum", "avg", "min", "max", "stdvar", "count", "quantile"] {
        let param = if op == "quantile" { "0.3, " } else { "" };
        let chain = "rate(a_total[5m]) + 1";
        // `or` needs both sides whole.
        let streamed = format!("{op} by (y) ({param}{chain})");
        let whole = format!("{op} by (y) ({param}({chain}) or ({chain}))");
        let [streamed, whole] = [streamed, whole].map(|q| bits(ask(&engine(2), &store, &q).unwrap()));
        assert!(streamed == whole, "{op}");
    }
}

#[test]
fn what_stands_twice_is_evaluated_once() {
    let counted = Counted::new(store());
    let query = "sum by (y) (rate(a_total[5m])) / (1 + sum by (y) (rate(a_total[5m])))";
    let twice = bits(ask(&engine(0), &counted, query).unwrap());
    assert_eq!(counted.reads.load(Ordering::Relaxed), SERIES);
    let parsed = crate::parse(query).unwrap();
    // Without its text nobody knows that they are the same.
    let context = QueryContext::default();
    let apart = engine(0).range_expr(&counted, &parsed, 600_000, 1_700_000, 5_000, &context);
    assert_eq!(counted.reads.load(Ordering::Relaxed), 3 * SERIES);
    assert!(twice == bits(apart.unwrap()));
}

#[test]
fn notes_of_what_stands_twice_point_at_the_last_place() {
    let store = store();
    let query = "quantile(2, a_total) + quantile(2, a_total)";
    let result = ask(&engine(0), &store, query).unwrap();
    let expected = "PromQL warning: quantile value should be between 0 and 1, got 2 (1:33)";
    assert_eq!(result.warnings, [expected]);
}

#[test]
fn memory_is_bounded() {
    let store = store();
    let bounded = |max_memory_bytes: u64| {
        Engine::new(EngineOptions {
            max_memory_bytes,
            threads: 2,
            ..EngineOptions::default()
        })
    };
    // The matrix takes 150 × (221 × 8 + 256) bytes; its sum a fraction of that.
    let error = ask(&bounded(40_000), &store, "rate(a_total[5m])").unwrap_err();
    assert!(
        matches!(error, QueryError::TooMuchMemory { limit: 40_000 }),
        "{error}"
    );
    assert_eq!(error.error_type(), "execution");
    assert!(ask(&bounded(40_000), &store, "sum(rate(a_total[5m]))").is_ok());
    assert!(ask(&bounded(400_000), &store, "rate(a_total[5m])").is_ok());
}

fn bounded(max_memory_bytes: u64) -> Engine {
    Engine::new(EngineOptions {
        max_memory_bytes,
        ..EngineOptions::default()
    })
}

#[test]
fn groups_that_were_merged_take_no_memory() {
    let store = MemoryStore::new();
    for i in 0..1000 {
        let (x, y) = (i.to_string(), (i % 7).to_string());
        let labels = Labels::from_pairs([("__name__", "a_total"), ("x", x.as_str()), ("y", y.as_str())]);
        let (timestamp_ms, value) = (600_000, f64::from(i));
        store.push(&labels, Sample { timestamp_ms, value });
    }
    // Seven groups of 4.7 KB in each of 32 chunks, eight of which are evaluated before they are merged.
    let query = "sum by (y) (a_total)";
    assert!(ask(&bounded(400_000), &store, query).is_ok());
    assert!(ask(&bounded(16_000), &store, query).is_err());
}

#[test]
fn what_is_kept_for_the_second_place_counts() {
    let store = store();
    let once = "sum(abs(a_total)) + sum(abs(a_total{x!=\"\"}))";
    let twice = "sum(abs(a_total)) + sum(abs(a_total) * 1)";
    let room = bounded(450_000);
    assert!(ask(&room, &store, once).is_ok());
    let error = ask(&room, &store, twice).unwrap_err();
    assert!(matches!(error, QueryError::TooMuchMemory { .. }), "{error}");
    assert!(ask(&bounded(1_200_000), &store, twice).is_ok());
}

#[test]
fn scalars_within_scalars_are_evaluated_once_a_place() {
    let counted = Counted::new(store());
    let nested = (0..12).fold("1".to_owned(), |of, _| format!("scalar(a_total * {of})"));
    ask(&engine(0), &counted, &format!("{nested} + {nested}")).unwrap();
    let reads = counted.reads.load(Ordering::Relaxed);
    assert_eq!(reads, SERIES);
}

#[test]
fn many_of_the_best_are_those_of_an_order() {
    let store = store();
    // More than are kept in order; the order is that of `sort`.
    for (k, op, sort) in [
        (70, "topk", "sort_desc"),
        (100, "bottomk", "sort"),
        (1000, "topk", "sort_desc"),
    ] {
        let at = |query: &str| {
            let result = engine(2).instant(&store, query, 1_000_000, &QueryContext::default());
            let Value::Vector(vector) = result.unwrap().value else {
                panic!("{query}");
            };
            vector
        };
        let mut expected = at(&format!("{sort}(a_total)"));
        expected.truncate(k);
        assert_eq!(at(&format!("{op}({k}, a_total)")), expected, "{op}");
    }
}

#[test]
fn the_candidates_of_topk_take_memory() {
    let store = store();
    let error = ask(&bounded(60_000), &store, "count(topk(140, a_total))").unwrap_err();
    assert!(matches!(error, QueryError::TooMuchMemory { .. }), "{error}");
}

#[test]
fn a_group_in_which_many_meet_many_is_bounded() {
    let store = MemoryStore::new();
    for i in 0..200 {
        for (name, label) in [("many", "x"), ("one", "y")] {
            // Of the "one" side one series is there at a time, of the other all are.
            let i_text = i.to_string();
            let labels = Labels::from_pairs([("__name__", name), (label, i_text.as_str())]);
            let times = if name == "one" { i..i + 1 } else { 0..200 };
            for t in times {
                let (timestamp_ms, value) = (600_000 + t * 5_000, 1.0);
                store.push(&labels, Sample { timestamp_ms, value });
            }
        }
    }
    let engine = Engine::new(EngineOptions {
        max_memory_bytes: 4_000_000,
        lookback_delta_ms: 5_000,
        ..EngineOptions::default()
    });
    let error = ask(&engine, &store, "many * on () group_left (y) one").unwrap_err();
    assert!(matches!(error, QueryError::TooMuchMemory { .. }), "{error}");
}

#[test]
fn labels_that_a_query_makes_are_bounded() {
    let store = store();
    let longer = |of: String| format!("label_replace({of}, \"z\", \"$1$1$1$1$1$1$1$1\", \"z\", \"(.*)\")");
    let seed = "label_replace(a_total, \"z\", \"0123456789\", \"\", \"\")".to_owned();
    let query = |times: usize| (0..times).fold(seed.clone(), |of, _| longer(of));
    assert!(ask(&bounded(0), &store, &query(2)).is_ok());
    let error = ask(&bounded(0), &store, &query(20)).unwrap_err();
    assert!(error.to_string().contains("label value longer"), "{error}");
    // 150 times 5 KiB.
    let error = ask(&bounded(500_000), &store, &query(3)).unwrap_err();
    assert!(matches!(error, QueryError::TooMuchMemory { .. }), "{error}");
    let joined = "label_join(a_total, \"z\", \"SEPARATOR\", \"x\", \"y\")";
    let joined = joined.replace("SEPARATOR", &"-".repeat(10_000));
    let error = ask(&bounded(500_000), &store, &joined).unwrap_err();
    assert!(matches!(error, QueryError::TooMuchMemory { .. }), "{error}");
}

#[test]
fn a_subquery_without_end_dies_at_once() {
    let counted = Counted::new(store());
    let error = ask(&engine(2), &counted, "max_over_time({__name__!=\"\"}[30d:1ms])").unwrap_err();
    assert!(matches!(error, QueryError::TooManySamples), "{error}");
    assert_eq!(counted.reads.load(Ordering::Relaxed), 0);
}

#[test]
fn threads_look_for_cancellation() {
    for threads in [0, 2] {
        let counted = Counted::new(store());
        let context = QueryContext::default();
        *counted.cancel.lock().unwrap() = Some((40, Arc::clone(&context.cancel)));
        let result = engine(threads).range(&counted, "sum(a_total)", 0, 1_700_000, 5_000, &context);
        assert!(matches!(result, Err(QueryError::Canceled)), "{threads} threads");
        let reads = counted.reads.load(Ordering::Relaxed);
        assert!(reads < SERIES, "{threads} threads read {reads} series");
    }
}

#[test]
fn a_failure_in_a_thread_is_told() {
    let counted = Counted::new(store());
    counted.fails.store(true, Ordering::Relaxed);
    for threads in [0, 2] {
        let error = ask(&engine(threads), &counted, "sum(a_total)").unwrap_err();
        assert!(matches!(error, QueryError::Storage(_)), "{threads}: {error}");
    }
}

#[test]
fn names_go_at_once_or_at_the_end() {
    let store = MemoryStore::new();
    for name in ["a", "b"] {
        let labels = Labels::from_pairs([("__name__", name)]);
        (0..100).for_each(|t| {
            store.push(
                &labels,
                Sample {
                    timestamp_ms: t * 15_000,
                    value: t as f64,
                },
            );
        });
    }
    let query = "label_replace(rate({__name__=~\"a|b\"}[5m]), \"was\", \"$1\", \"__name__\", \"(.*)\")";
    let at_once = ask(&engine(0), &store, query).unwrap_err();
    assert!(at_once.to_string().contains("same labelset"), "{at_once}");
    let late = Engine::new(EngineOptions {
        delayed_name_removal: true,
        ..EngineOptions::default()
    });
    assert_eq!(bits(ask(&late, &store, query).unwrap()).len(), 2);
}

#[test]
fn samples_are_counted() {
    let store = store();
    let context = QueryContext {
        stats: true,
        ..QueryContext::default()
    };
    let stats = |query: &str| {
        let result = engine(2).range(&store, query, 600_000, 660_000, 15_000, &context);
        result.unwrap().stats.unwrap()
    };
    let series = SERIES as u64;
    let selected = stats("a_total");
    assert_eq!(
        (selected.total_queryable_samples, selected.samples_read),
        (5 * series, 5 * series)
    );
    let rate = stats("sum(rate(a_total[5m]))");
    assert_eq!(rate.total_queryable_samples, 5 * 20 * series);
    assert_eq!(rate.samples_read, 24 * series);
    let by_step: Vec<u64> = rate.samples_read_per_step.iter().map(|(_, n)| *n).collect();
    assert_eq!(by_step, [20 * series, series, series, series, series]);
    assert!(rate.peak_samples >= 5 * series, "{}", rate.peak_samples);
    assert_eq!(ask(&engine(0), &store, "a_total").unwrap().stats, None);
}

/// A store that counts the series it gives, and may cancel the query or fail after some.
struct Counted {
    store: MemoryStore,
    reads: Arc<AtomicUsize>,
    cancel: Cancel,
    fails: Arc<AtomicBool>,
}

impl Counted {
    fn new(store: MemoryStore) -> Counted {
        Counted {
            store,
            reads: Arc::default(),
            cancel: Arc::default(),
            fails: Arc::default(),
        }
    }
}

type Cancel = Arc<std::sync::Mutex<Option<(usize, Arc<AtomicBool>)>>>;

struct CountedView<T: ?Sized> {
    inner: Box<T>,
    reads: Arc<AtomicUsize>,
    cancel: Cancel,
    fails: Arc<AtomicBool>,
}

impl MetricStore for Counted {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        Ok(Arc::new(CountedView {
            inner: Box::new(self.store.snapshot(start_ms, end_ms)?),
            reads: Arc::clone(&self.reads),
            cancel: Arc::clone(&self.cancel),
            fails: Arc::clone(&self.fails),
        }))
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        Vec::new()
    }
}

impl MetricSnapshot for CountedView<Arc<dyn MetricSnapshot>> {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        Ok(Box::new(CountedView {
            inner: self.inner.select(matchers, hints)?,
            reads: Arc::clone(&self.reads),
            cancel: Arc::clone(&self.cancel),
            fails: Arc::clone(&self.fails),
        }))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        self.inner.series(matchers)
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        self.inner.label_names(matchers)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        self.inner.label_values(name, matchers)
    }
}

impl SeriesSet for CountedView<dyn SeriesSet> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, StoreError> {
        self.inner.labels(index)
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_> {
        Box::new(CountedReader {
            inner: self.inner.reader(range),
            reads: &self.reads,
            cancel: &self.cancel,
            fails: &self.fails,
        })
    }
}

struct CountedReader<'a> {
    inner: Box<dyn SeriesReader + 'a>,
    reads: &'a AtomicUsize,
    cancel: &'a Cancel,
    fails: &'a AtomicBool,
}

impl SeriesReader for CountedReader<'_> {
    fn next(&mut self, into: &mut Samples) -> Result<bool, StoreError> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some((after, cancel)) = &*self.cancel.lock().unwrap()
            && reads >= *after
        {
            cancel.store(true, Ordering::Relaxed);
        }
        if self.fails.load(Ordering::Relaxed) && reads % 100 == 77 {
            return Err(StoreError::Limit {
                what: "reads",
                limit: 77,
            });
        }
        self.inner.next(into)
    }
}
