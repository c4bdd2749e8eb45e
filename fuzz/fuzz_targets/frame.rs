//! Checksummed frames, of which every log is made.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some((_, used))) = durable::frame::decode(rest) {
        rest = &rest[used..];
    }
});
