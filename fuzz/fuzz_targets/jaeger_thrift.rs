//! Jaeger batches in both thrift encodings.
#![no_main]

use collector::push::jaeger_thrift::{Encoding, decode_batch, decode_emit_batch};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for encoding in [Encoding::Binary, Encoding::Compact] {
        let _ = decode_batch(encoding, bytes);
        let _ = decode_emit_batch(encoding, bytes);
    }
});
