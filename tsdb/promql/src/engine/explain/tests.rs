use model::Labels;
use model::metrics::Sample;

use super::*;
use crate::memory::MemoryStore;
use crate::{EngineOptions, parse};

fn store() -> MemoryStore {
    let store = MemoryStore::new();
    for x in ["1", "2", "3"] {
        let labels = Labels::from_pairs([("__name__", "a_total"), ("x", x)]);
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
    store
}

const RANGE: Asked = Asked::Range {
    start_ms: 600_000,
    end_ms: 1_200_000,
    step_ms: 60_000,
};

fn explained(query: &str, asked: Asked, analyze: bool) -> Explained {
    let context = QueryContext {
        text: Some(query.into()),
        ..QueryContext::default()
    };
    let engine = Engine::new(EngineOptions::default());
    engine
        .explain(&store(), &parse(query).unwrap(), asked, &context, analyze)
        .unwrap()
}

#[test]
fn a_plan_has_estimates_without_evaluation() {
    let Explained { plan, result } = explained("sum(rate(a_total[5m])) > 1", RANGE, false);
    assert_eq!(result, None);
    assert_eq!((plan.kind, plan.estimated_series), ("operator", Some(1)));
    let rate = &plan.parts[0].parts[0];
    assert_eq!((rate.kind, rate.text.as_str()), ("call", "rate(a_total[5m])"));
    assert_eq!(rate.estimated_series, Some(3));
    assert_eq!(rate.measured, None);
    assert_eq!(rate.parts[0].kind, "range");
}

#[test]
fn an_analysis_has_costs_and_the_answer() {
    let query = "sum(rate(a_total[5m])) / (sum(rate(a_total[5m])) + count(a_total))";
    let Explained { plan, result } = explained(query, RANGE, true);
    let engine = Engine::new(EngineOptions::default());
    let asked = engine.range(
        &store(),
        query,
        600_000,
        1_200_000,
        60_000,
        &QueryContext::default(),
    );
    assert_eq!(result.unwrap().value, asked.unwrap().value);
    let whole = plan.measured.unwrap();
    let sum = plan.parts[0].measured.unwrap();
    let rate = plan.parts[0].parts[0].measured.unwrap();
    assert_eq!((whole.series, sum.series, rate.series), (1, 1, 3));
    assert!(rate.samples >= 3 * 60 && rate.samples <= 3 * 61, "{rate:?}");
    assert!(whole.total_seconds >= sum.total_seconds, "{whole:?} {sum:?}");
    assert!(sum.own_seconds <= sum.total_seconds);
    let again = &plan.parts[1].parts[0];
    assert!(again.measured.unwrap().shared);
    assert!(!sum.shared);
}

#[test]
fn instant_queries_are_explained_too() {
    let Explained { plan, result } = explained("topk(2, a_total)", Asked::Instant(600_000), true);
    assert_eq!(plan.measured.unwrap().series, 2);
    let Value::Vector(vector) = result.unwrap().value else {
        panic!("not a vector");
    };
    assert_eq!(vector.len(), 2);
}
