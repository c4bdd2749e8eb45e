//! Remote write 1.0, as little of it as is needed to send.

/// The field `labels` of a `TimeSeries`, once for each pair.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        let mut label = Vec::new();
        put_bytes(1, name.as_bytes(), &mut label);
        put_bytes(2, value.as_bytes(), &mut label);
        put_bytes(1, &label, &mut out);
    }
    out
}

/// Appends a `TimeSeries` with one sample to a `WriteRequest`.
pub(crate) fn put_series(labels: &[u8], timestamp_ms: i64, value: f64, out: &mut Vec<u8>) {
    let mut sample = [0u8; 32];
    sample[0] = 0x09;
    sample[1..9].copy_from_slice(&value.to_le_bytes());
    sample[9] = 0x10;
    let mut len = 10;
    let mut rest = timestamp_ms as u64;
    loop {
        let more = rest >= 0x80;
        sample[len] = (rest as u8 & 0x7f) | if more { 0x80 } else { 0 };
        len += 1;
        rest >>= 7;
        if !more {
            break;
        }
    }
    out.push(0x0a);
    put_varint(labels.len() + 2 + len, out);
    out.extend_from_slice(labels);
    out.push(0x12);
    out.push(len as u8);
    out.extend_from_slice(&sample[..len]);
}

fn put_bytes(field: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    put_varint(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn put_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
