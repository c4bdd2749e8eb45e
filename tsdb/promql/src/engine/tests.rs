use std::sync::atomic::Ordering;

use model::metrics::{Metadata, Sample, SelectHints, SeriesSet, Wanted};
use model::{Matcher, StoreError};

use super::*;
use crate::memory::MemoryStore;
use crate::notation::{SeriesValue, parse_series};

fn store(lines: &[&str], step_ms: i64) -> MemoryStore {
    let store = MemoryStore::new();
    for line in lines {
        let (labels, values) = parse_series(line).unwrap();
        for (i, value) in values.iter().enumerate() {
            if let SeriesValue::Float(value) = value {
                store.push(
                    &labels,
                    Sample {
                        timestamp_ms: step_ms * i as i64,
                        value: *value,
                    },
                );
            }
        }
    }
    store
}

fn fails(query: &str, store: &MemoryStore, options: EngineOptions, context: &QueryContext) -> QueryError {
    Engine::new(options)
        .range(store, query, 0, 600_000, 1000, context)
        .unwrap_err()
}

#[test]
fn samples_are_bounded() {
    let store = store(&["a 0+1x600", "b 0+1x600"], 1000);
    let options = EngineOptions {
        max_samples: 700,
        ..EngineOptions::default()
    };
    let context = QueryContext::default();
    assert!(matches!(
        fails("a + b", &store, options.clone(), &context),
        QueryError::TooManySamples
    ));
    let subquery = "sum_over_time(a[200y:1ms])";
    assert!(matches!(
        fails(subquery, &store, options.clone(), &context),
        QueryError::TooManySamples
    ));
    assert!(
        Engine::new(options)
            .range(&store, "a", 0, 600_000, 1000, &context)
            .is_ok()
    );
}

#[test]
fn a_node_gives_back_what_its_parts_held() {
    let store = store(&["a 0+1x600"], 1000);
    let engine = Engine::new(EngineOptions {
        max_samples: 3000,
        ..EngineOptions::default()
    });
    let sum = vec!["a"; 20].join(" + ");
    assert!(
        engine
            .range(&store, &sum, 0, 600_000, 1000, &QueryContext::default())
            .is_ok()
    );
}

#[test]
fn the_deepest_query_evaluates_on_a_small_stack() {
    let store = store(&["a 1"], 1000);
    let engine = Engine::new(EngineOptions::default());
    let sum = vec!["a"; crate::MAX_DEPTH - 1].join(" + ");
    let nested = format!(
        "{}a{}",
        "abs(".repeat(crate::MAX_DEPTH - 1),
        ")".repeat(crate::MAX_DEPTH - 1)
    );
    for query in [sum, nested] {
        let result = engine
            .range(&store, &query, 0, 1000, 1000, &QueryContext::default())
            .unwrap();
        assert_ne!(result.value, Value::Matrix(Vec::new()), "{query}");
    }
}

#[test]
fn a_cancelled_query_ends() {
    let store = store(&["a 0+1x600"], 1000);
    let context = QueryContext::default();
    context.cancel.store(true, Ordering::Relaxed);
    assert!(matches!(
        fails("a", &store, EngineOptions::default(), &context),
        QueryError::Canceled
    ));
}

#[test]
fn a_query_out_of_time_ends() {
    let store = store(&["a 0+1x600"], 1000);
    let options = EngineOptions {
        timeout: Duration::ZERO,
        ..EngineOptions::default()
    };
    assert!(matches!(
        fails("a", &store, options, &QueryContext::default()),
        QueryError::Timeout
    ));
    let context = QueryContext {
        deadline: Some(Instant::now()),
        ..QueryContext::default()
    };
    assert!(matches!(
        fails("a", &store, EngineOptions::default(), &context),
        QueryError::Timeout
    ));
}

#[test]
fn ranges_that_make_no_sense_are_bad_data() {
    let (store, context) = (MemoryStore::new(), QueryContext::default());
    let engine = Engine::new(EngineOptions::default());
    for (query, start, end, step) in [
        ("a", 0, 10, 0),
        ("a", 0, 10, -1),
        ("a", 10, 0, 1),
        ("a", 0, 11_001, 1),
        ("a[5m]", 0, 1, 1),
        ("\"x\"", 0, 1, 1),
    ] {
        let error = engine
            .range(&store, query, start, end, step, &context)
            .unwrap_err();
        assert_eq!(error.error_type(), "bad_data", "{query} {start} {end} {step}");
    }
    assert!(engine.range(&store, "a", 0, 10_999, 1, &context).is_ok());
}

#[test]
fn series_are_bounded() {
    let store = store(&["a{x=\"1\"} 1", "a{x=\"2\"} 1"], 1000);
    let options = EngineOptions {
        max_series: 1,
        ..EngineOptions::default()
    };
    let error = fails("a", &store, options, &QueryContext::default());
    assert_eq!(error.error_type(), "execution", "{error}");
}

#[test]
fn the_lookback_is_left_open_and_can_be_overridden() {
    let store = store(&["a 7"], 1000);
    let engine = Engine::new(EngineOptions::default());
    let seen = |at: i64, lookback: Option<i64>| {
        let context = QueryContext {
            lookback_delta_ms: lookback,
            ..QueryContext::default()
        };
        match engine.instant(&store, "a", at, &context).unwrap().value {
            Value::Vector(v) => v.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((seen(299_999, None), seen(300_000, None)), (1, 0));
    assert_eq!((seen(999, Some(1000)), seen(1000, Some(1000))), (1, 0));
}

#[test]
fn an_instant_matrix_has_the_raw_samples() {
    let store = store(&["b 1 2 stale 4", "a 1 2 3 4"], 1000);
    let engine = Engine::new(EngineOptions::default());
    let value = engine
        .instant(&store, "{__name__=~\"a|b\"}[3s]", 3000, &QueryContext::default())
        .unwrap()
        .value;
    let Value::Matrix(matrix) = value else {
        panic!("{value:?}")
    };
    let columns: Vec<_> = matrix
        .iter()
        .map(|s| (s.labels.to_string(), s.timestamps.to_vec()))
        .collect();
    assert_eq!(
        columns,
        [
            ("a".to_owned(), vec![1000, 2000, 3000]),
            ("b".to_owned(), vec![1000, 3000])
        ]
    );
}

/// A store that remembers between which times it was asked.
#[derive(Default)]
struct Asked(std::sync::Mutex<Vec<(i64, i64)>>, MemoryStore);

impl MetricStore for Asked {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, model::StoreError> {
        self.0.lock().unwrap().push((start_ms, end_ms));
        self.1.snapshot(start_ms, end_ms)
    }
    fn metadata(&self) -> Vec<(String, model::metrics::Metadata)> {
        Vec::new()
    }
}

#[test]
fn a_snapshot_covers_what_the_query_reads_and_no_more() {
    let engine = Engine::new(EngineOptions {
        lookback_delta_ms: 10,
        ..EngineOptions::default()
    });
    let s = 1000;
    for (query, expected) in [
        ("a", (1000 * s - 10, 1100 * s)),
        ("a offset 5s", (995 * s - 10, 1095 * s)),
        ("rate(a[1m])", (940 * s, 1100 * s)),
        ("a @ 7", (7 * s - 10, 7 * s)),
        ("a @ end() offset 5s", (1095 * s - 10, 1095 * s)),
        (
            "max_over_time(rate(a[1m])[2m:1s] offset 10s)",
            (810 * s, 1090 * s),
        ),
        ("a + b offset -5s", (1000 * s - 10, 1105 * s)),
        ("1", (1000 * s, 1000 * s)),
    ] {
        let store = Asked::default();
        engine
            .range(&store, query, 1000 * s, 1100 * s, s, &QueryContext::default())
            .unwrap();
        assert_eq!(*store.0.lock().unwrap(), [expected], "{query}");
    }
}

#[test]
fn annotations_come_with_the_answer() {
    let store = store(&["a 1 2 3"], 1000);
    let engine = Engine::new(EngineOptions::default());
    let result = engine
        .instant(&store, "quantile(2, rate(a[5s]))", 2000, &QueryContext::default())
        .unwrap();
    assert_eq!(
        result.warnings,
        ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]
    );
    assert_eq!(result.infos.len(), 1, "{:?}", result.infos);
}

type Hinted = Arc<std::sync::Mutex<Vec<(Wanted, i64)>>>;

/// A store that notes what it is asked for.
struct Noting(MemoryStore, Hinted);

struct NotingSnapshot(Arc<dyn MetricSnapshot>, Hinted);

impl MetricStore for Noting {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        let snapshot = self.0.snapshot(start_ms, end_ms)?;
        Ok(Arc::new(NotingSnapshot(snapshot, Arc::clone(&self.1))))
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        self.0.metadata()
    }
}

impl MetricSnapshot for NotingSnapshot {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        self.1
            .lock()
            .unwrap()
            .push((hints.wanted, hints.max_resolution_ms));
        self.0.select(matchers, hints)
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<model::Labels>, StoreError> {
        self.0.series(matchers)
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        self.0.label_names(matchers)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        self.0.label_values(name, matchers)
    }
}

#[test]
fn the_store_is_told_what_its_samples_are_for() {
    let noting = Noting(store(&["a 0+1x600"], 1000), Hinted::default());
    let context = QueryContext {
        max_resolution_ms: 300_000,
        ..QueryContext::default()
    };
    let wanted = |query: &str| {
        Engine::default()
            .instant(&noting, query, 600_000, &context)
            .unwrap();
        std::mem::take(&mut *noting.1.lock().unwrap())
    };
    for (query, expected) in [
        ("a", Wanted::Last),
        ("a[1m]", Wanted::Last),
        ("last_over_time(a[1m])", Wanted::Last),
        ("delta(a[1m])", Wanted::Last),
        ("absent_over_time(a[1m])", Wanted::Last),
        ("min_over_time(a[1m])", Wanted::Min),
        ("max_over_time(a[1m])", Wanted::Max),
        ("sum_over_time(a[1m])", Wanted::Sum),
        ("count_over_time(a[1m])", Wanted::Count),
        ("avg_over_time(a[1m])", Wanted::Mean),
        ("rate(a[1m])", Wanted::Counter),
        ("sum(irate(a[1m]))", Wanted::Counter),
        ("max_over_time(a[10m:1m])", Wanted::Last),
        ("max_over_time(increase(a[1m])[10m:1m])", Wanted::Counter),
    ] {
        assert_eq!(wanted(query), [(expected, 300_000)], "{query}");
    }
}

#[test]
fn as_many_steps_as_upstream_allows() {
    let (store, context) = (MemoryStore::new(), QueryContext::default());
    let engine = Engine::new(EngineOptions::default());
    let answer = engine.range(&store, "a", 0, 11_000, 1, &context);
    assert!(answer.is_ok(), "{answer:?}");
}

#[test]
fn sorting_by_many_labels_looks_at_those_that_are_there() {
    let lines: Vec<String> = (0..500)
        .map(|i| format!("a{{x=\"{}\",y=\"{i}\"}} 1", i % 7))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let store = store(&lines, 1000);
    let absent: String = (0..40_000).map(|i| format!(", \"l{i}\"")).collect();
    let (engine, context) = (Engine::new(EngineOptions::default()), QueryContext::default());
    let sorted = |query: &str| {
        let expr = crate::parse_with(query, &crate::ParserOptions::all()).unwrap();
        engine.instant_expr(&store, &expr, 0, &context).unwrap().value
    };
    let began = std::time::Instant::now();
    let many = sorted(&format!("sort_by_label(a{absent}, \"x\", \"x\")"));
    assert_eq!(many, sorted("sort_by_label(a, \"x\")"));
    // Without that it takes minutes.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// The windows of one series can be many and long: time is looked at between them.
#[test]
fn a_query_of_one_series_can_run_out_of_time() {
    let context = QueryContext {
        deadline: Instant::now().checked_add(Duration::from_millis(100)),
        ..QueryContext::default()
    };
    let query = "stddev_over_time((vector(1) * 0.1)[5h:1s])";
    let result = Engine::default().range(&MemoryStore::new(), query, 0, 150_000_000, 15_000, &context);
    assert!(matches!(result, Err(QueryError::Timeout)), "{result:?}");
}

/// A function that goes through its windows piece by piece, with an argument that differs from step to step, gives what it
/// gives at each step.
#[test]
fn windows_in_pieces_are_the_same_windows() {
    let (store, context, engine) = (MemoryStore::new(), QueryContext::default(), Engine::default());
    let query = "quantile_over_time(scalar(vector(time() / 6e6)), (vector(time()))[2h:1s])";
    let range = engine
        .range(&store, query, 0, 6_000_000, 5_000, &context)
        .unwrap();
    let Value::Matrix(matrix) = range.value else {
        panic!("a range gives a matrix");
    };
    let [series] = &matrix[..] else {
        panic!("{matrix:?}");
    };
    assert_eq!(series.len(), 1201);
    for at in [0, 599, 600, 601, 900, 1200] {
        let time_ms = series.timestamps[at];
        let instant = engine.instant(&store, query, time_ms, &context).unwrap();
        let Value::Vector(vector) = instant.value else {
            panic!("an instant gives a vector");
        };
        assert_eq!(vector[0].value.float(), Some(series.values[at]), "at {time_ms}");
    }
}

/// Functions that keep something from window to window give over a long series what they give window by window.
#[test]
fn long_series_are_as_good_as_short_ones() {
    let store = MemoryStore::new();
    let labels = model::Labels::from_pairs([("__name__", "long")]);
    let mut state = 1u64;
    for i in 0..9000i64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let value = match i / 1500 {
            0 | 3 => i as f64,
            1 => (state >> 40) as f64 / 100.0,
            2 => (state >> 60) as f64,
            4 => f64::from_bits((state >> 12) | 0x3ff0_0000_0000_0000),
            _ => (i % 97) as f64 * 0.1,
        };
        store.push(
            &labels,
            Sample {
                timestamp_ms: i * 1000,
                value,
            },
        );
    }
    let (context, engine) = (QueryContext::default(), Engine::default());
    for function in [
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "deriv",
        "changes",
        "resets",
        "sum_over_time",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "first_over_time",
        "last_over_time",
        "present_over_time",
        "mad_over_time",
        "ts_of_min_over_time",
        "ts_of_max_over_time",
        "quantile_over_time",
    ] {
        for window in ["20s", "400s", "1500s"] {
            let query = match function {
                "quantile_over_time" => format!("quantile_over_time(0.73, long[{window}])"),
                _ => format!("{function}(long[{window}])"),
            };
            let expr = crate::parse_with(&query, &crate::ParserOptions::all()).unwrap();
            let range = engine
                .range_expr(&store, &expr, 0, 9_000_000, 3000, &context)
                .unwrap();
            let Value::Matrix(matrix) = range.value else {
                panic!("a range gives a matrix");
            };
            for (i, time_ms) in matrix[0].timestamps.iter().enumerate().step_by(41) {
                let instant = engine.instant_expr(&store, &expr, *time_ms, &context).unwrap();
                let Value::Vector(vector) = instant.value else {
                    panic!("an instant gives a vector");
                };
                let (alone, among) = (vector[0].value.float().unwrap(), matrix[0].values[i]);
                assert_eq!(
                    alone.to_bits(),
                    among.to_bits(),
                    "{query} at {time_ms}: {alone} {among}"
                );
            }
        }
    }
}
