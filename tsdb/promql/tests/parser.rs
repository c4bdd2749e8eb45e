//! What the parser accepts, what it says of the rest, and how trees are printed: over the project's own cases in
//! `testdata/parser.jsonl`, over upstream's where they lie beside the repository, and against another parser.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use promql::ast::BinaryOp;
use promql::{
    Expr, MAX_DEPTH, MAX_QUERY_BYTES, MAX_TOKENS, ParserOptions, parse, parse_with, prettify, to_json,
};
use serde_json::Value;

fn parse_all(query: &str) -> Result<Expr, String> {
    parse_with(query, &ParserOptions::all()).map_err(|e| e.to_string())
}

/// Upstream's cases in `name`; without them, a line that says so.
fn upstream(name: &str) -> Option<Vec<Value>> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/conformance/promql")
        .join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("a list of cases")),
        Err(_) => {
            // Unlike eprintln, this shows for tests that pass too.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: upstream's cases are not at {}",
                path.display()
            );
            None
        }
    }
}

/// Kind and place of every node, parents first.
fn nodes(expr: &Expr) -> String {
    let kind = match expr {
        Expr::Number(_) => "number",
        Expr::String(_) => "string",
        Expr::Selector(_) => "selector",
        Expr::Range(_) => "range",
        Expr::Subquery(_) => "subquery",
        Expr::Call(_) => "call",
        Expr::Aggregate(_) => "aggregate",
        Expr::Binary(_) => "binary",
        Expr::Unary(_) => "unary",
        Expr::Paren(_) => "paren",
    };
    let span = expr.span();
    let here = format!("{kind} {}-{}", span.start, span.end);
    let parts = match expr {
        Expr::Binary(b) => vec![&b.lhs, &b.rhs],
        other => other.children(),
    };
    let parts = parts.into_iter().map(nodes);
    std::iter::once(here).chain(parts).collect::<Vec<_>>().join(" ")
}

#[test]
fn own_cases() {
    let text = include_str!("../testdata/parser.jsonl");
    let mut wrong = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case a line");
        let query = case["query"].as_str().expect("a query");
        let parsed = match case["options"].as_str() {
            Some("default") => parse(query).map_err(|e| e.to_string()),
            _ => parse_all(query),
        };
        let wanted = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        match parsed {
            Err(error) if error == wanted("error") => {}
            Ok(expr) if case["error"].is_null() => {
                let pretty = case["pretty"].as_str().map_or(wanted("canonical"), str::to_owned);
                for (got, wanted) in [
                    (expr.to_string(), wanted("canonical")),
                    (nodes(&expr), wanted("nodes")),
                    (prettify(&expr), pretty),
                ] {
                    if got != wanted {
                        wrong.push(format!("{query}\n  got    {got}\n  wanted {wanted}"));
                    }
                }
            }
            other => wrong.push(format!(
                "{query}: {:?}, case {line}",
                other.map(|e| e.to_string())
            )),
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(text.lines().count() > 400, "cases are missing");
}

#[test]
fn upstream_cases_are_accepted_or_refused_in_the_same_words() {
    let Some(cases) = upstream("parser_cases.json") else {
        return;
    };
    let (mut wrong, mut other_words) = (Vec::new(), Vec::new());
    for case in &cases {
        let input = base64(case["input_b64"].as_str().expect("an input"));
        let query = String::from_utf8_lossy(&input);
        let fails = case["fail"] == true;
        let first = case["errors"][0].as_str().unwrap_or_default();
        match parse_all(&query) {
            Ok(_) if fails => wrong.push(format!("{query}: accepted, wanted {first}")),
            Err(error) if !fails => wrong.push(format!("{query}: {error}")),
            Err(error) if !error.ends_with(&format!("parse error: {first}")) => {
                other_words.push(format!("{query}: {error}, wanted {first}"));
            }
            _ => {}
        }
    }
    eprintln!(
        "{} cases, {} errors in other words",
        cases.len(),
        other_words.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(other_words.is_empty(), "{}", other_words.join("\n"));
}

#[test]
fn upstream_cases_print_the_same() {
    let Some(cases) = upstream("printer_cases.json") else {
        return;
    };
    let mut wrong = Vec::new();
    for case in &cases {
        let input = case["in"].as_str().expect("an input");
        let wanted = case["out"].as_str().unwrap_or(input);
        match parse_all(input) {
            Ok(expr) if expr.to_string() == wanted => {}
            Ok(expr) => wrong.push(format!("{input} prints as {expr}, wanted {wanted}")),
            Err(error) => wrong.push(format!("{input}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn base64(text: &str) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let sextets: Vec<u32> = text.bytes().filter_map(value).map(u32::from).collect();
    let groups = sextets.chunks(4).flat_map(|group| {
        let bits = (0..4).fold(0, |bits, i| (bits << 6) | group.get(i).unwrap_or(&0));
        let bytes = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.into_iter().take(group.len() * 3 / 4).collect::<Vec<_>>()
    });
    groups.collect()
}

/// What both parsers accept must print alike, in the form of the other parser's making, read again by ours.
#[test]
fn the_promql_parser_crate_agrees_where_it_understands() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut both = 0;
    for _ in 0..3000 {
        let query = random.expr(4);
        let ours = parse_all(&query);
        // It does not know that these are texts.
        let Ok(theirs) = promql_parser::parser::parse(&query) else {
            continue;
        };
        let ours = ours.unwrap_or_else(|e| panic!("only the other accepts {query}: {e}"));
        let again = parse_all(&theirs.to_string()).unwrap_or_else(|e| panic!("{query} became {theirs}: {e}"));
        assert_eq!(again.to_string(), ours.to_string(), "{query}");
        both += 1;
    }
    assert!(both > 1500, "the other parser accepts only {both}");
}

/// Expressions of what both parsers know. SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len() as u64) as usize]
    }

    fn selector(&mut self) -> String {
        let name = self.pick(&["up", "a:b", "http_requests_total"]);
        let matchers = self.pick(&["", "{job=\"x\"}", "{job=~\"a|b\", c!=\"d\"}", "{e!~\"f.*\"}"]);
        format!("{name}{matchers}")
    }

    fn times(&mut self) -> &'static str {
        self.pick(&[
            "",
            "",
            " offset 5m",
            " @ 12",
            " @ start() offset 1h",
            " offset -1d @ end()",
        ])
    }

    fn expr(&mut self, depth: u32) -> String {
        let kind = if depth == 0 { self.below(3) } else { self.below(10) };
        let part = |random: &mut Random| random.expr(depth - 1);
        match kind {
            0 => self.pick(&["1", "0.5", "1e3", "42"]).to_owned(),
            1 | 2 => self.selector() + self.times(),
            3 => format!("({})", part(self)),
            4 | 5 => {
                let op = self.pick(&[
                    "+", "-", "*", "/", "%", "^", "atan2", "==", ">= bool", "and", "or", "unless",
                ]);
                let left = part(self);
                let right = part(self);
                format!("{left} {op} {right}")
            }
            6 => {
                let op = self.pick(&["+", "- on (x)", "* on (x) group_left (y)", "/ ignoring (z)"]);
                let (left, right) = (self.selector(), self.selector());
                format!("{left} {op} {right}")
            }
            7 => {
                let head = self.pick(&["sum", "max by (x)", "topk without (y) (5,", "avg without (z)"]);
                let open = if head.ends_with(',') { " " } else { " (" };
                format!("{head}{open}{})", part(self))
            }
            8 => {
                let (function, range) = (self.pick(&["rate", "max_over_time"]), self.pick(&["5m", "1h30m"]));
                format!("{function}({}[{range}]{})", self.selector(), self.times())
            }
            _ => format!(
                "max_over_time({}[1h:{}]{})",
                part(self),
                self.pick(&["", "5m"]),
                self.times()
            ),
        }
    }
}

#[test]
fn chains_are_long_and_nesting_is_bounded() {
    let chain = vec!["a"; 5000].join(" + ");
    let expr = parse_all(&chain).expect("a long chain");
    assert_eq!(expr.to_string(), chain);
    assert_eq!(expr.clone().to_string(), chain);
    assert_eq!(expr.selectors().len(), 5000);
    assert!(to_json(&expr).is_err(), "too deep for whoever writes JSON");
    let shorter = parse_all(&vec!["a"; 400].join(" + ")).expect("a chain");
    assert!(to_json(&shorter).is_ok_and(|tree| !tree.to_string().is_empty()));
    assert!(prettify(&expr).lines().count() > 9900);
    let nested = |open: &str, close: &str, n: usize| format!("{}a{}", open.repeat(n), close.repeat(n));
    for (open, close) in [("(", ")"), ("-", ""), ("abs(", ")"), ("sum(", ")"), ("a ^ ", "")] {
        let deep = parse_all(&nested(open, close, MAX_DEPTH - 1)).expect(open);
        assert!(!deep.to_string().is_empty() && !prettify(&deep).is_empty() && to_json(&deep).is_ok());
        for n in [MAX_DEPTH, 10_000] {
            let error = parse_all(&nested(open, close, n)).expect_err(open);
            assert!(error.contains("nests deeper than 250"), "{error}");
        }
    }
    for query in [
        format!("a{}", "[1m:]".repeat(10_000)),
        format!("a[{}1m{}]", "(".repeat(10_000), ")".repeat(10_000)),
        format!("a[{}]", vec!["1m"; 10_000].join("+")),
        format!("a offset {}1m", "-".repeat(10_000)),
        vec!["a"; MAX_TOKENS].join("+"),
        format!("\"{}\"", "x".repeat(MAX_QUERY_BYTES)),
    ] {
        assert!(parse_all(&query).is_err());
    }
    let long_regex = format!("a{{b=~\"{}\"}}", "some-pod|".repeat(4000));
    assert!(parse_all(&long_regex).is_ok());
}

#[test]
fn regexes_are_anchored_and_dot_matches_newline() {
    let expr = parse("a{b=~\"x.y\"}").expect("a selector");
    let matcher = &expr.selectors()[0].matchers[0];
    assert!(matcher.matches("x\ny") && !matcher.matches("xx.y"));
}

#[test]
fn selectors_are_found_everywhere() {
    let query = "sum(rate(a[5m])) / scalar(b) > bool max_over_time(c[1h:]) or topk(scalar(d), -e)";
    let expr = parse(query).expect("valid");
    let names: Vec<_> = expr.selectors().iter().filter_map(|s| s.name.clone()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[test]
fn what_means_nothing_without_two_vectors_is_dropped() {
    let Ok(Expr::Binary(b)) = parse("a > on () 1") else {
        panic!("an operator");
    };
    assert!(b.op == BinaryOp::Greater && !b.matching.on);
}

#[test]
fn the_tree_as_json() {
    let json = |query: &str| to_json(&parse_all(query).expect(query)).expect(query);
    let wanted: Value = serde_json::from_str(include_str!("../testdata/parsed.json")).expect("JSON");
    for (query, tree) in wanted.as_object().expect("queries") {
        assert_eq!(&json(query), tree, "{query}");
    }
}
