//! Columns of values: bytes as an encoding, and bytes as values that must come back.
#![no_main]

use tsdb::codec::{Effort, decode_values, encode_values};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((head, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let count = usize::from(u16::from_le_bytes(*head));
    let mut values = Vec::new();
    match decode_values(rest, count, &mut values) {
        Ok(used) => assert!(values.len() == count && used <= rest.len()),
        Err(_) => assert!(values.is_empty()),
    }
    let given: Vec<f64> = rest
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            f64::from_bits(u64::from_le_bytes(word))
        })
        .collect();
    for values in [values, given] {
        for effort in [Effort::Fast, Effort::Best] {
            let (mut encoded, mut back) = (Vec::new(), Vec::new());
            encode_values(&values, effort, &mut encoded);
            assert_eq!(
                decode_values(&encoded, values.len(), &mut back),
                Ok(encoded.len())
            );
            assert!(
                values
                    .iter()
                    .map(|v| v.to_bits())
                    .eq(back.iter().map(|v| v.to_bits()))
            );
        }
    }
});
