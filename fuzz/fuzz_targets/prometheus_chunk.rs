//! Chunks of Prometheus in all encodings.
#![no_main]

use model::metrics::Samples;
use tsdb::import::prometheus::{Encoding, decode_chunk};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((&encoding, data)) = bytes.split_first()
        && let Ok(encoding) = Encoding::from_u8(encoding % 6 + 1)
    {
        let mut samples = Samples::default();
        let _ = decode_chunk(encoding, data, &mut samples);
    }
});
