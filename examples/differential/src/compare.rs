//! Whether two answers are the same, and in what they differ if not.

use std::collections::{BTreeMap, BTreeSet};

use crate::answer::{Answer, Bucket, Cell, Distribution, Row, Value};

/// Two floats this close are the same, relative to the larger.
const TOLERANCE: f64 = 1e-9;

/// At most so many annotations of a kind go with an answer; which ones is up to chance.
const MAX_ANNOTATIONS: usize = 10;

/// In what answers differ, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Only one of them is an error.
    OnlyOneFails,
    ErrorType,
    ErrorText,
    ResultType,
    LabelSets,
    /// A series has samples at other times, or of another kind.
    Presence,
    Floats,
    Histograms,
    Order,
    Warnings,
    Infos,
}

/// A difference between two answers.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    /// What is so at the peer and what is here, in short.
    pub(crate) text: String,
    /// When, where that is known.
    pub(crate) at_ms: Option<i64>,
}

/// By what the order of rows is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Not at all.
    Free,
    /// Values come in the same order; labels of equal ones need not.
    Values,
    /// Labels come in the same order.
    Labels,
}

impl Order {
    /// What the outermost function of a query asks for.
    pub(crate) fn of(query: &str) -> Order {
        match query.split('(').next() {
            Some("sort" | "sort_desc") => Order::Values,
            Some("sort_by_label" | "sort_by_label_desc") => Order::Labels,
            _ => Order::Free,
        }
    }
}

/// The gravest difference between the peer's answer and ours.
pub(crate) fn compare(peer: &Answer, ours: &Answer, order: Order) -> Option<Difference> {
    match (peer, ours) {
        (Answer::Error { kind: a, text: s }, Answer::Error { kind: b, text: t }) => {
            unequal(Kind::ErrorType, a, b).or_else(|| unequal(Kind::ErrorText, s, t))
        }
        (Answer::Value(peer), Answer::Value(ours)) => compare_values(peer, ours, order),
        (Answer::Error { text, .. }, _) => Some(difference(
            Kind::OnlyOneFails,
            format!("only the peer fails: {text}"),
        )),
        (_, Answer::Error { text, .. }) => {
            Some(difference(Kind::OnlyOneFails, format!("only ours fails: {text}")))
        }
    }
}

fn difference(kind: Kind, text: String) -> Difference {
    Difference {
        kind,
        text,
        at_ms: None,
    }
}

fn unequal(kind: Kind, peer: &str, ours: &str) -> Option<Difference> {
    (peer != ours).then(|| difference(kind, format!("{peer:?}, ours {ours:?}")))
}

fn compare_values(peer: &Value, ours: &Value, order: Order) -> Option<Difference> {
    unequal(Kind::ResultType, &peer.kind, &ours.kind)
        .or_else(|| compare_rows(&peer.rows, &ours.rows))
        .or_else(|| (peer.kind == "vector").then(|| compare_order(&peer.rows, &ours.rows, order))?)
        .or_else(|| compare_texts(Kind::Warnings, &peer.warnings, &ours.warnings))
        .or_else(|| compare_texts(Kind::Infos, &peer.infos, &ours.infos))
}

fn compare_rows(peer: &[Row], ours: &[Row]) -> Option<Difference> {
    let by_labels = |rows: &'_ [Row]| -> BTreeMap<_, _> {
        rows.iter().map(|r| (r.labels.clone(), r.cells.clone())).collect()
    };
    let (theirs, mine) = (by_labels(peer), by_labels(ours));
    if theirs.len() != peer.len() || mine.len() != ours.len() {
        return (peer.len() != ours.len()).then(|| difference(Kind::LabelSets, "duplicates".to_owned()));
    }
    if let Some(missing) = theirs.keys().find(|labels| !mine.contains_key(*labels)) {
        return Some(difference(Kind::LabelSets, format!("ours lacks {missing:?}")));
    }
    if let Some(extra) = mine.keys().find(|labels| !theirs.contains_key(*labels)) {
        return Some(difference(Kind::LabelSets, format!("only ours has {extra:?}")));
    }
    let pairs = theirs.iter().zip(mine.values());
    pairs
        .filter_map(|((labels, theirs), mine)| compare_cells(labels, theirs, mine))
        .min_by_key(|d| d.kind)
}

fn compare_cells(
    labels: &BTreeMap<String, String>,
    peer: &[(i64, Cell)],
    ours: &[(i64, Cell)],
) -> Option<Difference> {
    let found = |kind, at_ms, text| {
        let text = format!("{labels:?} {text}");
        Some(Difference {
            kind,
            text,
            at_ms: Some(at_ms),
        })
    };
    let mut at = 0;
    while let (Some((t, a)), Some((u, b))) = (peer.get(at), ours.get(at)) {
        if t != u || std::mem::discriminant(a) != std::mem::discriminant(b) {
            return found(Kind::Presence, *t.min(u), format!("{a} at {t}, ours {b} at {u}"));
        }
        match (a, b) {
            (Cell::Float(x), Cell::Float(y)) if !same(*x, *y) => {
                return found(Kind::Floats, *t, format!("{x:?}, ours {y:?}"));
            }
            (Cell::Histogram(x), Cell::Histogram(y)) if !same_distribution(x, y) => {
                return found(Kind::Histograms, *t, format!("{a}, ours {b}"));
            }
            (Cell::Text(x), Cell::Text(y)) if x != y => {
                return found(Kind::Presence, *t, format!("{x:?}, ours {y:?}"));
            }
            _ => at += 1,
        }
    }
    let (more, whose) = if peer.len() > ours.len() {
        (peer, "the peer")
    } else {
        (ours, "ours")
    };
    let (t, cell) = more.get(at)?;
    found(Kind::Presence, *t, format!("only {whose} has {cell} at {t}"))
}

/// Equal as far as arithmetic in another order allows.
pub(crate) fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).min(f64::MAX)
}

/// Buckets whose count is NaN are left out: arithmetic with infinities makes it of empty buckets too, and whether there are any
/// is up to the store.
fn same_distribution(a: &Distribution, b: &Distribution) -> bool {
    let counted = |h: &Distribution| -> Vec<Bucket> {
        let counted = h.buckets.iter().filter(|b| !b.3.is_nan());
        counted.copied().collect()
    };
    let (x, y) = (counted(a), counted(b));
    same(a.count, b.count)
        && same(a.sum, b.sum)
        && x.len() == y.len()
        && x.into_iter().zip(y).all(|(x, y)| same_bucket(x, y))
}

fn same_bucket(a: Bucket, b: Bucket) -> bool {
    a.0 == b.0 && same(a.1, b.1) && same(a.2, b.2) && same(a.3, b.3)
}

fn compare_order(peer: &[Row], ours: &[Row], order: Order) -> Option<Difference> {
    let differs = |(a, b): &(&Row, &Row)| match order {
        Order::Free => false,
        Order::Labels => a.labels != b.labels,
        Order::Values => compare_cells(&a.labels, &a.cells, &b.cells).is_some(),
    };
    let (a, b) = peer.iter().zip(ours).find(differs)?;
    Some(difference(Kind::Order, format!("{a}, ours {b}")))
}

fn compare_texts(kind: Kind, peer: &BTreeSet<String>, ours: &BTreeSet<String>) -> Option<Difference> {
    if peer.len() > MAX_ANNOTATIONS && ours.len() >= MAX_ANNOTATIONS {
        return None;
    }
    let list = |texts: &BTreeSet<String>, others: &BTreeSet<String>| {
        let only: Vec<&str> = texts.difference(others).map(String::as_str).collect();
        only.join("; ")
    };
    (peer != ours).then(|| {
        difference(
            kind,
            format!(
                "only the peer says [{}], only ours [{}]",
                list(peer, ours),
                list(ours, peer)
            ),
        )
    })
}

#[cfg(test)]
mod tests;
