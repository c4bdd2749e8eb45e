//! Loki's push requests.
#![no_main]

use collector::push::loki::{Format, decode, parse_labels};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Protobuf, Format::Json] {
        let _ = decode(format, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_labels(text);
    }
});
