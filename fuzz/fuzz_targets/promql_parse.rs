//! Queries as text, and what is made of their trees without evaluating them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(expr) = promql::parse_with(&text, &promql::ParserOptions::all()) {
        let printed = expr.to_string();
        assert!(promql::prettify(&expr.clone()).len() >= expr.selectors().len());
        assert!(!printed.is_empty());
        let _ = promql::to_json(&expr);
    }
});
