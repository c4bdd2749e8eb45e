use super::*;

fn accepts(query: &str, line: &str) -> bool {
    parse(query).unwrap().filters.iter().all(|f| f.accepts(line))
}

fn error(query: &str) -> String {
    parse(query).unwrap_err().to_string()
}

#[test]
fn selectors_with_every_operator_and_both_quotes() {
    let query = parse("{ app = \"a\\\"b\\u00fc\", env!=`x`,ns=~\"p.*\" ,pod!~`\\d+` } # comment\n").unwrap();
    let shown: Vec<String> = query.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [r#"app="a\"bü""#, r#"env!="x""#, r#"ns=~"p.*""#, r#"pod!~"\\d+""#]
    );
    assert!(query.filters.is_empty());
}

#[test]
fn filters_chain_and_alternate() {
    let query = r#"{a="b"} |= "err" or "warn" != "health" or "ready" |~ `code=\d` or "^x" !~ "z$""#;
    assert!(accepts(query, "warn code=5"));
    assert!(accepts(query, "x err"));
    assert!(!accepts(query, "x info"));
    assert!(!accepts(query, "x err ready"));
    assert!(!accepts(query, "x err z"));
    assert!(!accepts(query, "err code=y"));
}

#[test]
fn an_alternative_is_literal_unless_it_is_a_regex() {
    assert!(accepts(r#"{a="b"} |= "a.c" or "[x""#, "a [x"));
    assert!(!accepts(r#"{a="b"} |= "a.c" or "[x""#, "abc"));
    assert!(accepts(r#"{a="b"} |~ "a|b" or "c""#, "b"));
}

#[test]
fn an_empty_filter_is_in_every_line() {
    assert!(parse("{a=\"b\"} |= `` |~ \"\"").unwrap().filters.is_empty());
    assert!(!accepts("{a=\"b\"} != ``", "x"));
}

#[test]
fn errors_tell_what_and_where() {
    assert_eq!(
        error(r#"{a="b"} | json"#),
        "parse error at line 1, col 9: pipeline stage \"| json\" is not supported yet: queries are stream selectors \
         with line filters"
    );
    assert!(
        error("rate({a=\"b\"}[1m])")
            .starts_with("parse error at line 1, col 1: metric query \"rate\" is not supp")
    );
    assert!(error("{a=\"b\"}\n |> `x`").starts_with("parse error at line 2, col 2: pattern filter"));
    assert!(
        error("{a=\"b\"} |= ip(\"1.2.3.4\")")
            .contains("function \"ip\" in a line filter is not supported yet")
    );
    assert!(error("{}").contains("queries require at least one regexp or equality matcher"));
    assert!(error("{a=~\".*\"}").contains("queries require at least one"));
    assert!(error("{a!=\"b\"}").contains("queries require at least one"));
    assert!(error("{a=\"b\"").contains("unexpected end of query, expecting } or ,"));
    assert!(error("{a=b}").contains("col 4: syntax error: unexpected b, expecting a string"));
    assert!(error("{a=\"b}").contains("literal not terminated"));
    assert!(error("{a=\"\\q\"}").contains("unknown escape sequence \\q"));
    assert!(error("{a=\"b\"} |~ \"(\"").contains("col 12: error parsing regexp"));
    assert!(error("").contains("unexpected end of query, expecting {"));
    assert!(error("{é=\"b\"}").contains("expecting a label name"));
}

#[test]
fn no_text_panics() {
    let whole = "{a=\"b\\x41\\101\\U0001F600\"} |= `x` or \"y\" !~ \"z\" # é";
    for (cut, _) in whole.char_indices() {
        let _ = parse(&whole[..cut]);
        let _ = parse(&whole[cut..]);
    }
}

#[test]
fn a_selector_alone() {
    assert_eq!(parse_selector("{}").unwrap().len(), 0);
    assert_eq!(parse_selector("{a=\"b\"}").unwrap().len(), 1);
    assert!(parse_selector("{a=\"b\"} |= `x`").is_err());
}
