//! The labels of one series, read and checked: for series that the sink does not know by their key.

use model::Labels;
use model::labels::METRIC_NAME;

use super::super::wire::{Field, Message, WireError};
use super::MAX_LABELS;

/// Sets `pairs` to the labels of a `TimeSeries`, sorted, without empty values. The inner error says why they are
/// invalid, by the rules of Prometheus' receiver: a metric name, no empty and no repeated label names, text in UTF-8.
pub(super) fn read<'a>(
    series: Message<'a>,
    pairs: &mut Vec<(&'a str, &'a str)>,
) -> Result<Result<(), String>, WireError> {
    pairs.clear();
    let mut not_text = None;
    for field in series {
        let field = field?;
        // One pair beyond the bound is kept, as evidence for `check`.
        if field.number == 1 && pairs.len() <= MAX_LABELS {
            match pair(&field) {
                Err(e @ WireError::Utf8(_)) => {
                    not_text.get_or_insert_with(|| format!("invalid metric name or labels: {e}"));
                }
                pair => pairs.push(pair?),
            }
        }
    }
    let checked = not_text.map_or_else(|| check(pairs), Err);
    if checked.is_ok() {
        pairs.retain(|(_, value)| !value.is_empty());
    }
    Ok(checked)
}

/// `Label`, and any other message of name 1 and value 2.
pub(in crate::push) fn pair<'a>(field: &Field<'a>) -> Result<(&'a str, &'a str), WireError> {
    let (mut name, mut value) = ("", "");
    for field in field.message()? {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// Order is mended, anything else is not.
fn check(pairs: &mut [(&str, &str)]) -> Result<(), String> {
    if pairs.len() > MAX_LABELS {
        return Err(format!(
            "invalid labels for series: more than {MAX_LABELS} labels"
        ));
    }
    pairs.sort_unstable_by_key(|(name, _)| *name);
    let shown = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).to_string();
    let named = |(name, value): &(&str, &str)| *name == METRIC_NAME && !value.is_empty();
    if !pairs.iter().any(named) || pairs.iter().any(|(name, _)| name.is_empty()) {
        return Err(format!("invalid metric name or labels, got {}", shown(pairs)));
    }
    let twice = pairs.windows(2).find_map(|two| match two {
        [(one, _), (other, _)] if one == other => Some(*one),
        _ => None,
    });
    match twice {
        Some(name) => Err(format!(
            "invalid labels for series, labels {}, duplicated label {name}",
            shown(pairs)
        )),
        None => Ok(()),
    }
}
