use super::*;

fn printed(query: &str) -> String {
    parse(query).unwrap().to_string()
}

#[test]
fn canonical_forms() {
    for query in [
        "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m] offset 1m))",
        "a - on (b) group_left (x, y) c",
        "a + ignoring (b) group_right () fill_left (2) c",
        "up > bool 0",
        "max_over_time(rate(x[1m])[1h:5m] @ 12.500 offset -1m)",
        "topk(5, {__name__=\"a\",b!=\"c\"})",
        "-(a ^ b) * 1e-7",
        "count_values(\"v\", a @ start())",
        "sum without () (a)",
        "label_replace(a, \"x\", \"$1\", \"y\", \"(.*)\\n\")",
    ] {
        assert_eq!(printed(query), query.replace("1e-7", "0.0000001"));
    }
    assert_eq!(printed("sum(a) by (b, c)"), "sum by (b, c) (a)");
    assert_eq!(printed("a @ 10"), "a @ 10.000");
    assert_eq!(printed("a{b='c',d=`e`}"), "a{b=\"c\",d=\"e\"}");
    assert_eq!(printed("+Inf"), "+Inf");
}

#[test]
fn printed_forms_parse_to_themselves() {
    for query in [
        "{\"a.b\",\"c d\"=\"e\"}",
        "a{x=\"\\\\d\\\"\"}",
        "sum by (\"ü\") (x)",
        "quantile(0.9, a) / -b",
    ] {
        let once = printed(query);
        assert_eq!(printed(&once), once, "{query}");
    }
}

#[test]
fn strings_are_decoded_by_the_languages_rules() {
    let value = |query: &str| match parse(query).unwrap() {
        Expr::String(s) => s.value,
        other => panic!("{other:?}"),
    };
    assert_eq!(value(r"`raw\d`"), r"raw\d");
    assert_eq!(value(r#""\xc3\xa9\u00e9\t\101""#), "éé\tA");
    assert_eq!(value(r#"'it\'s "it"' # not "this"#), "it's \"it\"");
    assert!(parse(r#""\xff""#).is_err());
    assert!(parse("\"open").is_err());
}

#[test]
fn regexes_are_anchored_and_dot_matches_newline() {
    let expr = parse("a{b=~\"x.y\"}").unwrap();
    let matcher = expr.selectors()[0].matchers[1].clone();
    assert!(matcher.matches("x\ny") && !matcher.matches("xx.y"));
}

#[test]
fn selectors_are_found_everywhere() {
    let expr =
        parse("sum(rate(a[5m])) / scalar(b) > bool max_over_time(c[1h:]) or topk(scalar(d), -e)").unwrap();
    let names: Vec<_> = expr.selectors().iter().filter_map(|s| s.name.clone()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[test]
fn what_is_not_promql_is_refused() {
    for query in [
        "",
        "a{",
        "sum(",
        "rate(a)",
        "a[5m]5",
        "{}",
        "{a=~\".*\"}",
        "a{b=~\"(\"}",
        "a or 1",
        "nosuch(a)",
        "a[0s]",
        "a + \"x\"",
        "sum(1)",
        "topk(a, b)",
        "a{b=\"1\" or b=\"2\"}",
        "1 == 1",
        "-\"a\"",
        "label_join(a)",
    ] {
        let error = parse(query).expect_err(query);
        assert_eq!(error.error_type(), "bad_data", "{query}");
    }
}

#[test]
fn deep_and_long_queries_are_refused_without_overflow() {
    let parens = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    let sum = |n: usize| vec!["a"; n].join("+");
    for query in [
        parens(500),
        "-".repeat(1000) + "a",
        sum(500),
        parens(4000),
        parens(400_000),
        sum(1000),
        sum(400_000),
        "-".repeat(4000) + "a",
    ] {
        assert!(parse(&query).is_err());
    }
    let long_regex = format!("a{{b=~\"{}\"}}", "some-pod|".repeat(4000));
    assert!(parse(&long_regex).is_ok());
    assert!(parse(&format!("\"{}\"", "x".repeat(MAX_QUERY_BYTES))).is_err());
    assert!(parse(&vec!["a"; 200].join(" or ")).is_ok());
}
