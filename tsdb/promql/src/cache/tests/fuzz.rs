//! Random writing and random questions: the cached answer is the fresh one, always, to the last bit.

use model::metrics::STALE_NAN;

use super::*;
use crate::EngineOptions;
use crate::notation::SeriesValue;
use crate::value::Value;

const QUERIES: &[&str] = &[
    "a",
    "b",
    "a_total",
    "a{x=~\"1|2\"}",
    "a offset 7s",
    "a offset -13s",
    "a @ 100",
    "a @ 100 offset -1m",
    "a @ start()",
    "a @ end()",
    "rate(a_total[30s])",
    "rate(a[30s])",
    "increase(b[1m] offset -20s)",
    "irate({__name__=~\"a|b\"}[1m])",
    "deriv(a[1m])",
    "sum(a)",
    "sum by (x) (rate(a_total[1m]))",
    "avg without (y) (a)",
    "stddev(a)",
    "topk(2, a)",
    "bottomk(1, b or a)",
    "limitk(1, a)",
    "limit_ratio(0.5, a)",
    "quantile(0.3, a)",
    "quantile(1.3, a)",
    "quantile(scalar(b{x=\"1\",y=\"1\"}), a)",
    "topk(scalar(count(b)), a)",
    "count_values(\"v\", round(a, 4))",
    "count_values(\"__name__\", round(a, 4)) or rate(a[30s])",
    "a + on (x, y) b",
    "a > b",
    "a > bool on (x, y) b",
    "a and b",
    "a unless on (x) b",
    "a or b",
    "a or a * 2",
    "a * 2 or a",
    "a{x=\"1\"} * 2 or a",
    "a offset 40s * 2 or a",
    "rate(a[30s]) or b * 0",
    "sum(a) or vector(0)",
    "-a",
    "abs(a) or -b",
    "label_replace(a, \"z\", \"$1\", \"x\", \"(.*)\")",
    "label_replace(rate(a[30s]), \"__name__\", \"a\", \"\", \"\") or a",
    "last_over_time(a[20s])",
    "sum_over_time(a[45s])",
    "avg_over_time(a[45s])",
    "stddev_over_time(a[45s])",
    "quantile_over_time(0.9, a[1m])",
    "quantile_over_time(scalar(b{x=\"1\",y=\"1\"}), a[1m])",
    "max_over_time(rate(a_total[20s])[1m:7s])",
    "sum_over_time((a offset -10s)[1m:10s] offset 5s)",
    "max_over_time(a[1m:] @ 120)",
    "predict_linear(a[1m], 60)",
    "timestamp(a)",
    "time() + scalar(a{x=\"1\",y=\"1\"})",
    "vector(time())",
    "absent(a{x=\"1\"})",
    "absent_over_time(b[20s])",
    "changes(a[1m]) + resets(a[1m])",
    "sort(a)",
    "sort_desc(b)",
    "info(a)",
    "histogram_quantile(0.9, h_bucket)",
    "histogram_quantile(1.9, rate(h_bucket[30s]))",
    "clamp_max(a, 5) == 5",
    "hour() + minute(a * 1000)",
    "1 + 2",
    "a * NaN",
    "{__name__=~\"a|b\"} * 2",
    "c",
    "rate(c[30s])",
    "label_replace(c, \"x\", \"\", \"\", \"\")",
    "sum without (x) (c)",
    "{__name__=~\"c|d\"} + 1",
    "last_over_time({__name__=~\"c|d\"}[20s])",
    "rate({__name__=~\"c|d\"}[20s])",
    "-{__name__=~\"c|d\"} or vector(1)",
    "n",
    "n or a",
    "rate(n[30s])",
    "sum(n)",
    "avg by (x) ({__name__=~\"n|a\"})",
    "histogram_quantile(0.5, n)",
    "histogram_fraction(0, 2, rate(n[1m]))",
    "n * 2 - n offset 20s",
    "sum_over_time(n[1m])",
    "count_over_time(n[1m:7s])",
    "n > 1",
    "rate(a_total[30s] smoothed)",
    "increase(a_total[30s] anchored offset 10s)",
    "a smoothed",
    "rate(a_total[2 * step() + 10s])",
    "rate(a_total[max_of(20s, range())])",
    "a + on (x, y) a offset -(step() / 2)",
    "a + on (x, y) fill (0) b",
    "b > on (x, y) fill_right (3) a",
    "vector(step()) + scalar(sum(a)) * range()",
    "end() - start()",
    "a * on () group_left () vector(1)",
    "n >/ 1.5",
    "mad_over_time(a[1m])",
    "ts_of_max_over_time(a[1m])",
    "double_exponential_smoothing(a[1m], 0.5, 0.5)",
    "sum(w)",
    "avg by (k) (w)",
    "stddev(w)",
    "sum(rate(w[30s]))",
    "topk(3, w)",
];

const SERIES: &[&str] = &[
    "a{x=\"1\",y=\"1\"}",
    "a{x=\"1\",y=\"2\"}",
    "a{x=\"2\",y=\"1\"}",
    "a{x=\"3\",y=\"1\"}",
    "b{x=\"1\",y=\"1\"}",
    "b{x=\"2\",y=\"1\"}",
    "a_total{x=\"1\"}",
    "a_total{x=\"2\"}",
    "a_total{x=\"3\",y=\"2\"}",
    "h_bucket{le=\"1\"}",
    "h_bucket{le=\"2\"}",
    "h_bucket{le=\"+Inf\"}",
    "h_bucket{x=\"1\",le=\"2\"}",
    "h_bucket{x=\"1\",le=\"+Inf\"}",
    "c{x=\"1\"}",
    "c{x=\"2\"}",
    "d{x=\"1\"}",
    "n{x=\"1\"}",
    "n{x=\"2\"}",
    "target_info{job=\"j\",instance=\"i\"}",
];

/// A small generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound as u64) as i64
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as i64) as usize]
    }
}

/// A store that can deny that anything changed.
struct Denying<'a> {
    store: &'a MemoryStore,
    denies: bool,
}

impl MetricStore for Denying<'_> {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        self.store.snapshot(start_ms, end_ms)
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        Vec::new()
    }

    fn revision(&self) -> Revision {
        self.store.revision()
    }

    fn changed_since(&self, revision: Revision) -> Option<i64> {
        self.store.changed_since(revision).filter(|_| !self.denies)
    }
}

struct World {
    random: Random,
    store: MemoryStore,
    now_ms: i64,
}

impl World {
    fn new(seed: u64) -> World {
        let mut world = World {
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            store: MemoryStore::new(),
            now_ms: 0,
        };
        (0..40).for_each(|_| world.scrape());
        world
    }

    fn value(&mut self, name: &str) -> f64 {
        if name.starts_with("target_info") {
            return 1.0;
        }
        let growing = self.now_ms as f64 / 1000.0 * (1.0 + name.len() as f64);
        match self.random.below(40) {
            0 => STALE_NAN,
            1 => f64::NAN,
            2 => 0.1 * self.random.below(100) as f64,
            _ if name.contains("_total") || name.contains("_bucket") => growing.trunc(),
            n => n as f64 / 3.0,
        }
    }

    /// Series that come and go, many.
    fn crowd(&mut self) {
        for i in 0..70 {
            if !self.random.one_in(8) {
                let value = 0.1 * self.random.below(1000) as f64 + 1e6 * self.random.below(2) as f64;
                let labels = Labels::from_pairs([
                    ("__name__", "w"),
                    ("i", &i.to_string()),
                    ("k", &(i % 3).to_string()),
                ]);
                let timestamp_ms = self.now_ms;
                if self.now_ms / 200_000 % (1 + i % 4) == 0 {
                    self.store.push(&labels, Sample { timestamp_ms, value });
                }
            }
        }
    }

    /// A sample of a series. Those called `c` and `d` take turns, those called `n` are histograms, mostly.
    fn sample(&mut self, name: &str, at_ms: i64) {
        let turn = at_ms / 60_000 % 3;
        let mine = match name {
            "c{x=\"1\"}" => turn == 0,
            "c{x=\"2\"}" => turn == 1,
            "d{x=\"1\"}" => turn == 2,
            _ => true,
        };
        if !mine {
            push(&self.store, name, at_ms, STALE_NAN);
        } else if name.starts_with('n') && !self.random.one_in(20) {
            let (count, schema) = (at_ms / 1000 + self.random.below(4), self.random.below(2));
            let text = format!(
                "{{{{schema:{schema} sum:{count} count:{count} buckets:[{} 2 0 1]}}}}",
                count - 3
            );
            let (labels, values) = crate::notation::parse_series(&format!("{name} {text}")).unwrap();
            let Some(SeriesValue::Histogram(histogram)) = values.into_iter().next() else {
                panic!("{text} is no histogram");
            };
            self.store
                .push_histogram(&labels, at_ms, Arc::new((&*histogram.histogram).into()));
        } else {
            let value = self.value(name);
            push(&self.store, name, at_ms, value);
        }
    }

    fn scrape(&mut self) {
        self.now_ms += 4000 + self.random.below(2000);
        for name in SERIES {
            if !self.random.one_in(6) {
                self.sample(name, self.now_ms);
            }
        }
        self.crowd();
    }

    fn write(&mut self) {
        let name = self.random.of(SERIES);
        let late_ms = self.now_ms - self.random.below(200_000);
        match self.random.below(20) {
            0 => self
                .store
                .erase(&series(name), late_ms, late_ms + self.random.below(60_000)),
            1 => self.store.clear(),
            14 => self.store.push_start(&series(name), late_ms, late_ms - 1000),
            2 | 3 => {
                self.sample(name, late_ms);
            }
            4..=12 => self.scrape(),
            _ => {}
        }
    }

    fn window(&mut self) -> (i64, i64, i64) {
        let step_ms = [5000, 10_000, 30_000][self.random.below(3) as usize];
        let phase_ms = if self.random.one_in(5) { 1234 } else { 0 };
        let end_ms =
            self.now_ms - self.now_ms.rem_euclid(step_ms) + phase_ms - step_ms * self.random.below(4);
        let end_ms = end_ms + if self.random.one_in(10) { 4 * step_ms } else { 0 };
        let start_ms = end_ms - step_ms * [0, 1, 5, 12, 20, 21][self.random.below(6) as usize];
        if self.random.one_in(6) {
            return (end_ms, end_ms, 0);
        }
        (start_ms, end_ms + self.random.below(3), step_ms)
    }
}

/// The mean and the spread of many series have a last place that depends on which others there are in the window.
fn is_rounded(query: &str) -> bool {
    (query.starts_with("avg") || query.starts_with("std")) && query.ends_with("(w)")
}

/// All of an answer, floats by their bits, or by twelve digits where they are rounded.
fn shown(result: Result<QueryResult, QueryError>, rounded: bool) -> String {
    let result = match result {
        Ok(result) => result,
        Err(error) => return format!("error: {error}"),
    };
    let Value::Matrix(matrix) = &result.value else {
        return format!("{result:?}");
    };
    let mut text = format!("{:?} {:?}", result.warnings, result.infos);
    for series in matrix {
        text.push_str(&format!("\n{}", series.labels));
        for sample in series.floats() {
            text.push_str(&match rounded {
                true => format!(" {}:{:.11e}", sample.timestamp_ms, sample.value),
                false => format!(" {}:{:x}", sample.timestamp_ms, sample.value.to_bits()),
            });
        }
        text.push_str(&format!(" {:?}", series.histograms));
    }
    text
}

/// Writes and asks; gives the first question that was answered otherwise than afresh, and how the cache did.
fn run(seed: u64, rounds: usize, denies: bool, max_bytes: usize) -> (Option<String>, CacheStats) {
    let mut world = World::new(seed);
    let cache = ResultsCache::new(max_bytes);
    let context = QueryContext {
        lookback_delta_ms: Some(20_000),
        ..QueryContext::default()
    };
    let engine = Engine::new(EngineOptions {
        delayed_name_removal: seed % 2 == 1,
        start_timestamps: seed % 3 == 1,
        ..EngineOptions::default()
    });
    let mut failures = 0;
    let mut asked: Vec<(&str, (i64, i64, i64))> = Vec::new();
    for _ in 0..rounds {
        world.write();
        let again = !asked.is_empty() && !world.random.one_in(3);
        let (query, (start_ms, end_ms, step_ms)) = if again {
            let (query, window) = asked[world.random.below(asked.len() as i64) as usize];
            let moved = window.2 * world.random.below(3);
            (query, (window.0 + moved, window.1 + moved, window.2))
        } else {
            (world.random.of(QUERIES), world.window())
        };
        asked.push((query, (start_ms, end_ms, step_ms)));
        if asked.len() > 12 {
            asked.remove(0);
        }
        let store = Denying {
            store: &world.store,
            denies,
        };
        let (window, rounded) = ((start_ms, end_ms, step_ms), is_rounded(query));
        let cached = shown(
            ask(&engine, Some(&cache), &store, query, window, &context),
            rounded,
        );
        let fresh = shown(ask(&engine, None, &world.store, query, window, &context), rounded);
        failures += usize::from(fresh.starts_with("error"));
        if cached != fresh {
            let what = format!("seed {seed}: {query} from {start_ms} to {end_ms} by {step_ms}");
            return (
                Some(format!("{what}\ncached: {cached}\nfresh: {fresh}")),
                cache.stats(),
            );
        }
    }
    assert!(failures < rounds / 10, "most questions have answers: {failures}");
    (None, cache.stats())
}

#[test]
fn cached_answers_are_fresh_ones() {
    let rounds = std::env::var("CACHE_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap());
    let mut hits = 0;
    for seed in 1..=4 {
        let max_bytes = if seed % 2 == 0 { 40_000 } else { DEFAULT_MAX_BYTES };
        let (wrong, stats) = run(seed, rounds, false, max_bytes);
        assert_eq!(wrong, None);
        let CacheStats {
            partial_hits, misses, ..
        } = stats;
        assert!(partial_hits > 20 && misses > 50, "little was tried: {stats:?}");
        hits += stats.hits;
    }
    assert!(hits > 50, "little was tried: {hits} hits");
}

#[test]
fn a_cache_that_hears_of_no_change_is_found_out() {
    let (wrong, _) = run(1, 1500, true, DEFAULT_MAX_BYTES);
    assert!(wrong.is_some());
}
