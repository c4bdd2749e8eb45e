//! From a query whose answers differ to the smallest one whose answers differ in the same way.

use crate::Failure;
use crate::compare::Difference;
use crate::grammar::{Node, Part, Query, Times, Type};

/// So many queries are tried for one difference.
const TRIES: usize = 200;

/// The smallest query found that still differs in the same kind of way, and its difference.
pub(crate) fn shrink(
    query: Query,
    found: Difference,
    mut differs: impl FnMut(&Query) -> Result<Option<Difference>, Failure>,
) -> Result<(Query, Difference), Failure> {
    let (mut best, mut difference) = (query, found);
    let mut tries = 0;
    'smaller: loop {
        for candidate in candidates(&best, &difference) {
            tries += 1;
            if tries > TRIES {
                break 'smaller;
            }
            if let Some(other) = differs(&candidate)?.filter(|d| d.kind == difference.kind) {
                (best, difference) = (candidate, other);
                continue 'smaller;
            }
        }
        break;
    }
    Ok((best, difference))
}

/// Queries a little smaller, the smallest first.
fn candidates(query: &Query, difference: &Difference) -> Vec<Query> {
    let mut out = Vec::new();
    if let Times::Range {
        start_ms,
        end_ms,
        step_ms,
    } = query.times
    {
        let moments = [difference.at_ms, Some(start_ms), Some(end_ms)];
        out.extend(moments.into_iter().flatten().map(Times::Instant));
        if end_ms - start_ms > step_ms {
            let half_ms = (end_ms - start_ms) / 2 / step_ms * step_ms;
            out.push(Times::Range {
                start_ms,
                end_ms: start_ms + half_ms,
                step_ms,
            });
            out.push(Times::Range {
                start_ms: start_ms + half_ms,
                end_ms,
                step_ms,
            });
        }
    }
    let mut out: Vec<Query> = out
        .into_iter()
        .map(|times| Query {
            root: query.root.clone(),
            times,
        })
        .collect();
    let instant = matches!(query.times, Times::Instant(_));
    let askable = |node: &&Node| node.gives != Type::Matrix || instant;
    let inner = query.root.descendants().into_iter().filter(askable).cloned();
    out.extend(inner.chain(variants(&query.root)).map(|root| Query {
        root,
        times: query.times,
    }));
    out.sort_by_key(|candidate| candidate.text().len());
    out
}

/// The node with one thing less.
fn variants(node: &Node) -> Vec<Node> {
    let same_type = node
        .descendants()
        .into_iter()
        .filter(|inner| inner.gives == node.gives);
    let mut out: Vec<Node> = same_type.cloned().collect();
    let mut with = |place: usize, part: Part| {
        let mut smaller = node.clone();
        smaller.parts[place] = part;
        out.push(smaller);
    };
    for (place, part) in node.parts.iter().enumerate() {
        match part {
            Part::Optional(text) if !text.is_empty() => with(place, Part::Optional(String::new())),
            Part::Child(child) => variants(child)
                .into_iter()
                .for_each(|v| with(place, Part::Child(v))),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Kind;
    use crate::grammar::Grammar;

    #[test]
    fn what_matters_is_left() {
        let difference = || Difference {
            kind: Kind::Floats,
            text: String::new(),
            at_ms: Some(5),
        };
        let mut grammar = Grammar::new(4, 0);
        let query = std::iter::repeat_with(|| grammar.query())
            .find(|q| q.text().contains("rate(") && q.text().len() > 150)
            .unwrap();
        let differs = |q: &Query| Ok(q.text().contains("rate(").then(difference));
        let (small, _) = shrink(query, difference(), differs).unwrap();
        assert!(
            small.text().contains("rate(") && small.text().len() < 60,
            "{}",
            small.text()
        );
        assert!(matches!(small.times, Times::Instant(_)));
    }
}
