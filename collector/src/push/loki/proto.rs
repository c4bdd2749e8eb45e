//! `logproto.PushRequest`: streams 1 of { labels 1, entries 2 of { timestamp 1, line 2, structured metadata 3 } }.

use model::Labels;
use model::logs::LogRecord;

use super::{MAX_LABELS, MAX_LINES, WHAT, parse_labels, record, stream, too_many_lines};
use crate::push::PushError;
use crate::push::remote_write::pair;
use crate::push::wire::{Field, Message, WireError};

/// Reads a push request in protobuf, snappy already undone.
///
/// # Errors
/// As for [`super::decode`].
pub fn decode_protobuf(bytes: &[u8]) -> Result<Vec<LogRecord>, PushError> {
    let mut records = Vec::new();
    for field in Message::new(bytes) {
        let field = field.map_err(malformed)?;
        if field.number == 1 {
            one_stream(&mut records, field.message().map_err(malformed)?)?;
        }
    }
    Ok(records)
}

fn malformed(error: WireError) -> PushError {
    PushError::malformed(WHAT, &error)
}

fn one_stream(records: &mut Vec<LogRecord>, message: Message<'_>) -> Result<(), PushError> {
    // Labels may follow entries on the wire, so they are looked up before the entries are read.
    let mut text = "";
    for field in message.clone() {
        let field = field.map_err(malformed)?;
        if field.number == 1 {
            text = field.text().map_err(malformed)?;
        }
    }
    let labels = stream(&parse_labels(text)?)?;
    for field in message {
        let field = field.map_err(malformed)?;
        if field.number == 2 {
            if records.len() >= MAX_LINES {
                return Err(too_many_lines());
            }
            records.push(entry(&labels, &field)?);
        }
    }
    Ok(())
}

fn entry(labels: &Labels, field: &Field<'_>) -> Result<LogRecord, PushError> {
    let (mut timestamp_ns, mut line, mut pairs) = (0, "", Vec::new());
    for field in field.message().map_err(malformed)? {
        let field = field.map_err(malformed)?;
        match field.number {
            1 => timestamp_ns = timestamp(&field).map_err(malformed)?,
            2 => line = field.text().map_err(malformed)?,
            3 if pairs.len() >= MAX_LABELS => {
                let detail = format_args!("a line has more than {MAX_LABELS} structured metadata");
                return Err(PushError::malformed(WHAT, &detail));
            }
            3 => pairs.push(pair(&field).map_err(malformed)?),
            _ => {}
        }
    }
    Ok(record(
        labels,
        timestamp_ns,
        line.to_owned(),
        &Labels::from_pairs(pairs),
    ))
}

/// `google.protobuf.Timestamp`: seconds 1, nanoseconds 2.
fn timestamp(field: &Field<'_>) -> Result<i64, WireError> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    for field in field.message()? {
        let field = field?;
        match field.number {
            1 => seconds = field.int64()?,
            2 => nanos = field.int64()?,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}
