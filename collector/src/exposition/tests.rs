use std::path::PathBuf;

use super::*;

fn all<'a>(body: &'a [u8], format: Format) -> Result<Vec<Event<'a>>, ParseError> {
    Parser::new(body, format).collect()
}

/// Series as `raw value timestamp`, metadata by name.
fn shown(body: &str, format: Format) -> Vec<String> {
    let events = all(body.as_bytes(), format).unwrap_or_else(|e| panic!("{body}: {e}"));
    let show = |event: Event<'_>| match event {
        Event::Series(s) => {
            let exemplar = s
                .exemplar
                .map(|e| format!(" # {} {} {:?}", text(e.raw_labels), e.value, e.timestamp_ms));
            let exemplar = exemplar.unwrap_or_default();
            format!("{} {} {:?}{exemplar}", text(s.raw), s.value, s.timestamp_ms)
        }
        Event::Type { family, metric_type } => format!("TYPE {family} {}", metric_type.as_str()),
        Event::Help { family, text } => format!("HELP {family} {text:?}"),
        Event::Unit { family, unit } => format!("UNIT {family} {unit}"),
        Event::Comment(raw) => format!("COMMENT {}", text(raw)),
        Event::Eof => "EOF".to_owned(),
    };
    events.into_iter().map(show).collect()
}

fn text(raw: &[u8]) -> &str {
    std::str::from_utf8(raw).unwrap()
}

#[test]
fn text_events_come_in_order() {
    let body = "# HELP a Some \\n help\n# TYPE a counter\n\n  \t\na{x=\"1\" , y=\"{}\" ,} 3 1700000000000\na 1e3\n#mere words\n# another\n{\"q.r\",z=\"w\"} NaN\nlast{a=\"b\"c=\"d\"}+Inf";
    assert_eq!(
        shown(body, Format::Text),
        [
            "HELP a \"Some \\\\n help\"",
            "TYPE a counter",
            "a{x=\"1\" , y=\"{}\" ,} 3 Some(1700000000000)",
            "a 1000 None",
            "COMMENT #mere words",
            "COMMENT # another",
            "{\"q.r\",z=\"w\"} NaN None",
            "last{a=\"b\"c=\"d\"} inf None",
            "EOF"
        ]
    );
}

#[test]
fn openmetrics_events_come_in_order() {
    let body = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\na_seconds_total 3 1520430000.123 # {id=\"z\"} 0.5 1520429999.5\nb{le=\"1\"} 4 # {} 1\n# EOF\n";
    assert_eq!(
        shown(body, Format::OpenMetrics),
        [
            "TYPE a_seconds counter",
            "UNIT a_seconds seconds",
            "HELP a_seconds \"x\"",
            "a_seconds_total 3 Some(1520430000123) # {id=\"z\"} 0.5 Some(1520429999500)",
            "b{le=\"1\"} 4 None # {} 1 None",
            "EOF"
        ]
    );
}

#[test]
fn labels_are_unescaped() {
    let raw = decode_labels(b"m{a=\"x\\\"y\\\\z\\nw\\q\", \"b.c\"=\"\"}").unwrap();
    assert_eq!(raw.name, "m");
    let pairs: Vec<(&str, &str)> = raw.pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(pairs, [("a", "x\"y\\z\nw\\q"), ("b.c", "")]);
    assert_eq!(
        decode_labels(b"{\"my metric\",x=\"1\"}").unwrap().name,
        "my metric"
    );
}

#[test]
fn a_label_that_occurs_twice_is_refused() {
    let error = decode_labels(b"m{a=\"1\",a=\"2\"}").unwrap_err();
    assert!(
        error.message.contains("label name \"a\" is not unique"),
        "{error}"
    );
}

#[test]
fn errors_name_line_and_column() {
    let error = all(b"a 1\n\nb{x=\"1\"} true\n", Format::Text).unwrap_err();
    assert_eq!((error.line, error.column), (3, 10), "{error}");
    let error = all(b"a 1\nb{x='1'} 2\n", Format::Text).unwrap_err();
    assert_eq!((error.line, error.column), (2, 5), "{error}");
    assert_eq!(error.message, "expected label value, got \"'\"");
}

#[test]
fn a_name_without_a_value_and_numbers_go_does_not_know_are_refused() {
    for bad in [
        "a",
        "a\n",
        "a{} \n",
        "a 1_0",
        "a 0x1p3",
        "a +nan",
        "a 1e999",
        "a 1 2 3",
        "a 1 x",
        "{a=\"b\"} 1",
        "1a 1",
    ] {
        assert!(all(bad.as_bytes(), Format::Text).is_err(), "{bad}");
    }
    for good in [
        "a -0",
        "a .5",
        "a 1.",
        "a nan",
        "a -inf",
        "a Infinity",
        "a{} 1",
        "a{}1",
        "a 1 -5",
    ] {
        assert!(all(good.as_bytes(), Format::Text).is_ok(), "{good}");
    }
}

#[test]
fn an_expected_series_is_recognised_and_others_are_not() {
    let mut parser = Parser::new(
        b"foo1 5\nfoo {a=\"b\"} 1\nfoo{a=\"b\"} 2 77\nfoo 3\n",
        Format::Text,
    );
    fn expect<'a>(parser: &mut Parser<'a>, raw: &[u8]) -> Option<Series<'a>> {
        parser.expect(raw.len(), |text| text == raw)
    }
    assert_eq!(expect(&mut parser, b"foo"), None);
    assert!(matches!(parser.next(), Some(Ok(Event::Series(s))) if s.raw == b"foo1"));
    assert_eq!(expect(&mut parser, b"foo"), None);
    assert!(matches!(parser.next(), Some(Ok(Event::Series(s))) if s.raw == b"foo {a=\"b\"}"));
    let series = expect(&mut parser, b"foo{a=\"b\"}").expect("recognised");
    assert_eq!((series.value, series.timestamp_ms), (2.0, Some(77)));
    assert!(expect(&mut parser, b"foo").is_some());
    assert!(matches!(parser.next(), Some(Ok(Event::Eof))));
}

#[test]
fn lint_reports_every_problem_with_its_place() {
    let body = b"# HELP a_total Yes.\n# TYPE a_total counter\na_total 1\nbroken{ 1\n\n# TYPE reqMs counter\nreqMs 2\nx_milliseconds 1\nbad 1 1 1\n";
    let problems = lint(body, Format::Text);
    let shown: Vec<String> = problems
        .iter()
        .map(|p| format!("{}:{} {} {}", p.line, p.column, p.metric, p.text))
        .collect();
    let has = |want: &str| assert!(shown.iter().any(|s| s == want), "{want} not in {shown:#?}");
    has("4:9  expected label name, got \"1\"");
    has("6:1 reqMs no help text");
    has("6:1 reqMs counter metrics should have \"_total\" suffix");
    has("6:1 reqMs metric names should be written in 'snake_case' not 'camelCase'");
    has("8:1 x_milliseconds use base unit \"seconds\" instead of \"milliseconds\"");
    has("9:9  expected next entry after timestamp, got \"1\"");
    assert!(!shown.iter().any(|s| s.contains("a_total")), "{shown:#?}");
}

#[test]
fn known_lines_are_stepped_over_and_nothing_else() {
    let mut parser = Parser::new(b"# TYPE a counter\na 1\n", Format::Text);
    assert!(parser.at_comment());
    assert!(!parser.skip_lines(16, |_| true), "not a whole line");
    assert!(!parser.skip_lines(17, |_| false) && !parser.skip_lines(1000, |_| true));
    assert!(parser.skip_lines(17, |text| text == b"# TYPE a counter\n"));
    assert_eq!(parser.position(), 17);
    assert!(matches!(parser.next(), Some(Ok(Event::Series(_)))));
}

#[test]
fn numbers_come_out_the_same_whether_recognised_or_read() {
    let mut numbers: Vec<String> = [
        "0",
        "-0",
        "1",
        "00012",
        "1.5",
        "-1.50",
        "1e5",
        "1E+05",
        "1.667e+10",
        "2.5e-07",
        "1e22",
        "1e23",
        "1e-22",
        "9007199254740991",
        "9007199254740993",
        "123456789012345678",
        "1234567890123456789",
        "0.1",
        "1e400",
        "1e99999",
        "4.9e-324",
        "1.7976931348623157e+308",
        ".5",
        "1.",
        "+1",
        "+Inf",
        "-Inf",
        "NaN",
        "1e",
        "1e+",
        "-",
        "",
        "1_0",
        "0x1p3",
        "1.2.3",
        "99999999999999999999999999999999",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut rng = crate::push::mutation::Rng::seeded(7);
    for _ in 0..20_000 {
        let value = f64::from_bits(rng.next());
        let short = (rng.next() % 1_000_000) as f64 / 1000.0;
        numbers.extend([format!("{value:e}"), format!("{short}"), format!("{short:e}")]);
    }
    for number in &numbers {
        let line = format!("a {number}\n");
        let read = Parser::new(line.as_bytes(), Format::Text).next();
        let read = read.and_then(Result::ok).and_then(|event| match event {
            Event::Series(series) => Some(series.value.to_bits()),
            _ => None,
        });
        let mut parser = Parser::new(line.as_bytes(), Format::Text);
        let recognised = parser.expect(1, |_| true).map(|series| series.value.to_bits());
        assert_eq!(recognised, read, "{number}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(body: Vec<u8>) {
        for format in [Format::Text, Format::OpenMetrics] {
            for event in Parser::new(&body, format).flatten() {
                if let Event::Series(series) = event {
                    let _ = decode_labels(series.raw);
                }
            }
            lint(&body, format);
        }
    }

    #[test]
    fn lines_made_of_the_formats_own_letters_do_not_either(body in "([a{}=\", #\\\\1\n]|TYPE |HELP |EOF|counter){0,60}") {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = Parser::new(body.as_bytes(), format).map(drop).count();
            lint(body.as_bytes(), format);
        }
    }

    /// prometheus-parse knows neither escapes nor colons, but on plain lines it must agree.
    #[test]
    fn plain_samples_are_read_as_another_parser_reads_them(
        name in "[a-z_][a-z0-9_]{0,12}", value in "[a-z0-9 ]{1,8}", number: i32, ts in 0i64..2_000_000_000_000
    ) {
        let line = format!("{name}{{label=\"{value}\"}} {number} {ts}");
        let ours = all(line.as_bytes(), Format::Text).unwrap();
        let theirs = prometheus_parse::Scrape::parse(std::iter::once(Ok(line.clone()))).unwrap();
        let Some(Event::Series(series)) = ours.first() else { panic!("no series in {line}") };
        let labels = decode_labels(series.raw).unwrap();
        let other = &theirs.samples[0];
        proptest::prop_assert_eq!(&*labels.name, &other.metric);
        proptest::prop_assert_eq!(&*labels.pairs[0].1, other.labels.get("label").unwrap());
        proptest::prop_assert_eq!(&other.value, &prometheus_parse::Value::Untyped(series.value));
        proptest::prop_assert_eq!(series.timestamp_ms.unwrap(), other.timestamp.timestamp_millis());
    }
}

fn conformance(path: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/conformance")
        .join(path);
    if !folder.exists() {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no conformance data at {}",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

#[test]
fn upstreams_error_cases_are_refused_and_its_good_ones_read() {
    let Some(file) = conformance("prometheus/textparse/parse_error_cases.json") else {
        return;
    };
    let cases: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (section, format) in [
        ("TestPromParseErrors", Format::Text),
        ("TestPromNullByteHandling", Format::Text),
        ("TestOpenMetricsParseErrors", Format::OpenMetrics),
        ("TestOMNullByteHandling", Format::OpenMetrics),
        ("TestSTParseFailures", Format::OpenMetrics),
    ] {
        for case in cases[section].as_array().unwrap() {
            let input = base64_decode(case["input_b64"].as_str().unwrap());
            let expected = case["err"].as_str().unwrap_or("");
            let result = all(&input, format).and_then(|events| {
                let series = events.iter().filter_map(|e| {
                    if let Event::Series(s) = e {
                        Some(s.raw)
                    } else {
                        None
                    }
                });
                series.map(decode_labels).collect::<Result<Vec<_>, _>>()
            });
            count += 1;
            // "EOF" is how upstream's iterator says that all is well.
            if result.is_err() == matches!(expected, "" | "EOF") {
                wrong.push(format!(
                    "{section} {:?}: {result:?}, expected {expected:?}",
                    case["input"]
                ));
            }
        }
    }
    eprintln!("textparse error cases: {count}, wrong: {}", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn upstreams_pages_are_read_whole() {
    let Some(folder) = conformance("prometheus/textparse") else {
        return;
    };
    for (file, format) in [
        ("1histogram.om.txt", Format::OpenMetrics),
        ("alltypes.5mfs.om.txt", Format::OpenMetrics),
        ("alltypes.237mfs.prom.txt", Format::Text),
        ("alltypes.237mfs.nometa.prom.txt", Format::Text),
    ] {
        let body = std::fs::read(folder.join(file)).unwrap();
        // The pages are fragments: upstream's own test adds the end.
        let body = if format == Format::OpenMetrics && !body.trim_ascii_end().ends_with(b"# EOF") {
            [&body[..], b"# EOF\n"].concat()
        } else {
            body
        };
        let events = all(&body, format).unwrap_or_else(|e| panic!("{file}: {e}"));
        let series = events.iter().filter(|e| matches!(e, Event::Series(_))).count();
        let lines = body
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty() && l[0] != b'#')
            .count();
        assert_eq!(series, lines, "{file}");
        eprintln!("{file}: {series} samples");
    }
}

#[test]
fn good_openmetrics_pages_are_read() {
    let Some(folder) = conformance("openmetrics") else {
        return;
    };
    let (mut good, mut bad, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for case in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        let Ok(body) = std::fs::read(case.join("metrics")) else {
            continue;
        };
        let meta: serde_json::Value =
            serde_json::from_slice(&std::fs::read(case.join("test.json")).unwrap()).unwrap();
        let result = all(&body, Format::OpenMetrics);
        if meta["shouldParse"].as_bool().unwrap() {
            good += 1;
            if let Err(e) = result {
                wrong.push(format!("{}: {e}", case.display()));
            }
        } else {
            bad += 1;
            refused += usize::from(result.is_err());
        }
    }
    eprintln!(
        "openmetrics: {good} good, {} of them refused; {bad} bad, {refused} of them refused",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
