//! Pages of metrics in both formats.
#![no_main]

use collector::exposition::{Format, Parser, decode_labels, lint};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        for event in Parser::new(bytes, format).map_while(Result::ok) {
            if let collector::exposition::Event::Series(series) = event {
                let _ = decode_labels(series.raw);
            }
        }
        let _ = lint(bytes, format);
    }
});
