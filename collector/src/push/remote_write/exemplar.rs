//! `prometheus.Exemplar`, field 3 of a `TimeSeries`.

use model::{Exemplar, Labels};

use super::pair;
use crate::push::wire::{Message, WireError};

/// An exemplar with more labels than this is of no use to any store.
const MAX_LABELS: usize = 64;

/// Reads an exemplar: labels 1, value 2, timestamp 3. `None` where it has too many labels to be stored.
pub(crate) fn exemplar(message: Message<'_>) -> Result<Option<Exemplar>, WireError> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    for field in message {
        let field = field?;
        match field.number {
            1 if pairs.len() <= MAX_LABELS => pairs.push(pair(&field)?),
            2 => value = field.double()?,
            3 => timestamp_ms = field.int64()?,
            _ => {}
        }
    }
    if pairs.len() > MAX_LABELS {
        return Ok(None);
    }
    Ok(Some(Exemplar {
        labels: Labels::from_pairs(pairs),
        value,
        timestamp_ms,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::wire::write::Writer;

    fn labelled(count: usize) -> Writer {
        let mut w = Writer::default();
        for i in 0..count {
            w.nested(1, |l| {
                l.text(1, &format!("l{i}")).text(2, "v");
            });
        }
        w.double(2, 0.25).int64(3, 1_700_000_000_000);
        w
    }

    #[test]
    fn an_exemplar_is_read() {
        let read = exemplar(Message::new(&labelled(1).0))
            .expect("reads")
            .expect("fits");
        assert_eq!(read.labels, Labels::from_pairs([("l0", "v")]));
        assert_eq!((read.value, read.timestamp_ms), (0.25, 1_700_000_000_000));
    }

    #[test]
    fn labels_without_end_and_mutations_do_no_harm() {
        assert_eq!(exemplar(Message::new(&labelled(100_000).0)), Ok(None));
        let bytes = labelled(3).0;
        crate::push::mutation::over(&bytes, 5_000, |bytes| drop(exemplar(Message::new(bytes))));
    }
}
