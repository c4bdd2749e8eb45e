//! Columns of timestamps and other integers: bytes as an encoding, and bytes as numbers that must come back.
#![no_main]

use tsdb::codec::{decode_timestamps, encode_timestamps};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((head, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let count = usize::from(u16::from_le_bytes(*head));
    let mut numbers = Vec::new();
    match decode_timestamps(rest, count, &mut numbers) {
        Ok(used) => assert!(numbers.len() == count && used <= rest.len()),
        Err(_) => assert!(numbers.is_empty()),
    }
    // Mostly small steps, now and then any.
    let mut last = 0i64;
    let steps = rest.chunks(3).map(|chunk| {
        last = match chunk {
            [a, b, c] if *a > 250 => i64::from(*b) << (c % 57),
            [a, b, _] => last.wrapping_add(i64::from(*a) << (b % 8)),
            _ => last,
        };
        last
    });
    let given: Vec<i64> = steps.collect();
    for numbers in [numbers, given] {
        let (mut encoded, mut back) = (Vec::new(), Vec::new());
        encode_timestamps(&numbers, &mut encoded);
        assert_eq!(
            decode_timestamps(&encoded, numbers.len(), &mut back),
            Ok(encoded.len())
        );
        assert_eq!(back, numbers);
    }
});
