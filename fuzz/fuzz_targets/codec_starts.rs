//! Start timestamps of a series.
#![no_main]

use model::Starts;
use tsdb::codec::starts::{decode_starts, encode_starts};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let base_ms = i64::from_le_bytes(*head);
    let mut starts = Starts::default();
    let _ = decode_starts(rest, base_ms, &mut starts);
    let (mut encoded, mut back) = (Vec::new(), Starts::default());
    encode_starts(&starts, base_ms, &mut encoded);
    assert_eq!(decode_starts(&encoded, base_ms, &mut back), Ok(encoded.len()));
    assert_eq!(back, starts);
});
