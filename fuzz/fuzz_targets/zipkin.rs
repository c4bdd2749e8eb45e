//! Zipkin's JSON spans.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = collector::push::zipkin::decode(bytes);
});
