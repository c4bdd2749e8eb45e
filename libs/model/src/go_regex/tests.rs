use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    compile(pattern)
        .unwrap_or_else(|e| panic!("{pattern}: {e}"))
        .is_match(text)
}

/// A pattern, texts it matches from end to end, and texts it does not.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    // Classes hold characters, not other classes and not operators.
    ("[^[]+", &["abc", "]"], &["a[b", "["]),
    ("[[]", &["["], &["]", "[]"]),
    ("[[a]]", &["[]", "a]"], &["[", "a", "[a]"]),
    ("[]a]", &["]", "a"], &["[", "b"]),
    ("[^]a]", &["b"], &["]", "a"]),
    ("[a&&b]", &["a", "b", "&"], &["c", "&&"]),
    ("[a-z&&[aeiou]]", &["q]", "&]", "[]"], &["a", "q"]),
    ("[a~~b]+", &["a~b"], &["c"]),
    ("[!--b]", &["-", "b", "#"], &["c", "."]),
    ("[+--]", &["+", ",", "-"], &["."]),
    ("[a-]+", &["a-a"], &["b"]),
    ("[-a]+", &["-a"], &["b"]),
    ("[\\w-]+", &["a-b_1"], &["é", "a b"]),
    ("[\\w-z]+", &["a-z"], &["é", "."]),
    ("[\\d\\-x]+", &["1-x"], &["y"]),
    ("[#.()|*+?{}$^/ ]+", &["#.()|*+?{}$^/ "], &["a"]),
    ("[\\]\\\\]+", &["]\\"], &["["]),
    ("[[:alpha:]_]+", &["a_b"], &["1", ":", "é"]),
    ("[[:^digit:]]+", &["aé:["], &["1"]),
    ("[^[:space:]\\d]+", &["é["], &["1", " ", "\u{b}"]),
    ("[[:alpha]", &["[", ":", "a", "h"], &["b", "]"]),
    ("[[:]+", &["[:"], &["a"]),
    ("[\\x41-\\x{43}\\060]+", &["ABC0"], &["D", "1"]),
    ("[α-ω]+", &["λ", "λογος"], &["a"]),
    ("[\\W]", &["é", " "], &["a"]),
    ("[^\\W]", &["a"], &["é", " "]),
    ("[\\pN\\p{Greek}]+", &["3λ٣"], &["a"]),
    ("[^\\P{Greek}]", &["λ"], &["a"]),
    ("[^a]", &["\n", "é"], &["a"]),
    // Words, digits, blanks are those of ASCII.
    ("\\w+", &["et_1"], &["été"]),
    ("\\W+", &["é-"], &["e"]),
    ("\\d+", &["09"], &["٣"]),
    ("\\D", &["٣"], &["3"]),
    (
        "\\s",
        &[" ", "\t", "\n", "\r", "\u{c}"],
        &["\u{b}", "\u{a0}", "\u{85}"],
    ),
    ("\\S", &["\u{b}", "\u{a0}"], &[" "]),
    ("é\\bt", &["ét"], &["et"]),
    ("e\\bt", &[], &["et"]),
    ("e\\Bt", &["et"], &["ét"]),
    ("é\\Bè", &["éè"], &[]),
    // Braces that count nothing stand for themselves.
    ("a{foo", &["a{foo"], &["afoo"]),
    ("{", &["{"], &[""]),
    ("a{}", &["a{}"], &["a"]),
    ("a{,2}", &["a{,2}"], &["a", "aa", ""]),
    ("a{1,x}", &["a{1,x}"], &["a"]),
    ("a{01}", &["a{01}"], &["a"]),
    ("a{2", &["a{2"], &["aa"]),
    ("a{ 2}", &["a{ 2}"], &["aa"]),
    ("a{2}b{1,}c{0,1}", &["aab", "aabbc"], &["ab", "aabcc"]),
    ("{{.+}}", &["{{ x }}"], &["x"]),
    ("a}]", &["a}]"], &["a"]),
    // Quotations and other escapes.
    ("\\Qa.b\\E", &["a.b"], &["axb"]),
    ("\\Q[x](\\Ey+", &["[x](yy"], &["x"]),
    ("\\Qa|b", &["a|b"], &["a", "b"]),
    ("x\\Qab\\E+", &["xabb"], &["xabab"]),
    ("\\/\\_\\<\\>\\-\\ \\\"\\#\\&\\~\\%", &["/_<>- \"#&~%"], &["x"]),
    ("\\x41\\x{1F600}\\101\\0", &["A\u{1F600}A\0"], &["A"]),
    ("\\x{0000000041}", &["A"], &["B"]),
    ("\\a\\f\\n\\r\\t\\v", &["\x07\x0c\n\r\t\x0b"], &["a"]),
    ("\\pN\\PN\\p{L}\\p{^L}\\P{^L}", &["3xé1é"], &["xxxxx"]),
    ("\\Aa\\z", &["a"], &["a\n"]),
    // Groups and flags.
    ("(?P<a>x)(?<b_1>y)", &["xy"], &["x"]),
    ("(?i)k(?-i)k", &["Kk", "\u{212a}k"], &["kK"]),
    ("(?i:straße)", &["STRAßE"], &["STRASSE"]),
    ("(?ii)a", &["A"], &["b"]),
    ("(?)a(?-s:b)", &["ab"], &["a"]),
    ("(?U)a+", &["aa"], &["b"]),
    ("a||b", &["a", "", "b"], &["c"]),
    ("()(|x)", &["", "x"], &["y"]),
    ("^*a$", &["a"], &["b"]),
    ("a+?b*?c??d{2}?", &["add", "aabcdd"], &["ad"]),
    // White space and hashes mean nothing special.
    ("a b#c", &["a b#c"], &["ab"]),
    (".", &["\n", "é", "\u{1F600}"], &["", "ab"]),
    ("日.本", &["日\n本", "日é本"], &["日本"]),
];

#[test]
fn expressions_match_what_they_match_in_go() {
    for (pattern, good, bad) in CASES {
        let regex = crate::matcher::anchored_regex(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        for text in *good {
            assert!(
                regex.is_match(text),
                "{pattern} should match {text:?}: {}",
                regex.as_str()
            );
        }
        for text in *bad {
            assert!(
                !regex.is_match(text),
                "{pattern} should not match {text:?}: {}",
                regex.as_str()
            );
        }
    }
}

#[test]
fn what_is_not_anchored_matches_within() {
    assert!(matches("b+", "abc") && matches("(?m)^b$", "a\nb\nc"));
    assert!(!matches("^b$", "a\nb\nc") && !matches("a.b", "a\nb"));
    assert!(matches("\\bfoo\\b", "éfooé") && !matches("\\bfoo\\b", "_foo"));
}

#[test]
fn captures_keep_their_numbers_and_names() {
    let regex = compile("(?P<host>[^:[]+)(:(\\d+))?").unwrap();
    let captures = regex.captures("db:5432").unwrap();
    assert_eq!((&captures["host"], &captures[3]), ("db", "5432"));
}

const REFUSED: &[(&str, &str)] = &[
    ("a(", "missing closing ): `a(`"),
    ("(a", "missing closing ): `(a`"),
    ("a)|(b", "unexpected ): `a)|(b`"),
    ("[a", "missing closing ]: `[a`: `[a`"),
    ("x[]", "missing closing ]: `[]`: `x[]`"),
    ("[a-", "missing closing ]"),
    ("[z-a]", "invalid character class range: `z-a`: `[z-a]`"),
    ("[a--b]", "invalid character class range: `a--`"),
    ("[a-\\d]", "invalid escape sequence: `\\d`"),
    ("[[:nothing:]]", "invalid character class range: `[:nothing:]`"),
    ("[\\b]", "invalid escape sequence: `\\b`"),
    ("\\p{No", "invalid character class range"),
    ("\\pé", "invalid character class range"),
    ("\\p", "invalid character class range"),
    ("\\p{Klingon}", "Unicode property not found"),
    ("\\C", "invalid escape sequence: `\\C`: `\\C`"),
    ("\\Z", "invalid escape sequence"),
    ("\\1", "invalid escape sequence"),
    ("\\8", "invalid escape sequence"),
    ("\\é", "invalid escape sequence"),
    ("\\x4", "invalid escape sequence"),
    ("\\x{}", "invalid escape sequence"),
    ("\\x{110000}", "invalid escape sequence"),
    ("\\x{d800}", "invalid escape sequence"),
    ("\\xé", "invalid escape sequence"),
    ("a\\", "trailing backslash at end of expression"),
    ("a**", "invalid nested repetition operator: `**`"),
    ("a+?{2}", "invalid nested repetition operator: `+?{2}`"),
    ("a{1001}", "invalid repeat count: `{1001}`"),
    ("a{2,1}", "invalid repeat count"),
    ("a{99999999999}", "invalid repeat count"),
    ("*a", "repetition operator missing expression"),
    ("a(?i)*", "missing argument to repetition operator: `*`"),
    ("a(?)?", "missing argument to repetition operator"),
    ("a+\\Q\\E?", "missing argument to repetition operator"),
    ("a(?i){2}", "missing argument to repetition operator: `{2}`"),
    ("(?x)a b", "invalid or unsupported Perl syntax: `(?x`"),
    ("(?=a)", "invalid or unsupported Perl syntax"),
    ("(?i", "invalid or unsupported Perl syntax"),
    ("(?i-)", "invalid or unsupported Perl syntax"),
    ("(?<=a)b", "invalid named capture"),
    ("(?P<a-b>c)", "invalid named capture: `(?P<a-b>`"),
    ("(?P<a", "invalid named capture"),
    ("(?P=a)", "invalid or unsupported Perl syntax"),
    (
        "(?:(?:(?:a{1000}){1000}){1000}){1000}",
        "expression needs more than",
    ),
];

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    for (pattern, words) in REFUSED {
        let error = match compile(pattern) {
            Err(error) => error.to_string(),
            Ok(regex) => panic!("{pattern} is taken as {}", regex.as_str()),
        };
        assert!(error.contains(words), "{pattern}: expected {words}, got {error}");
        assert_eq!(error.matches("error").count(), 1, "said twice: {error}");
    }
}

#[test]
// A bound that a loaded machine keeps and quadratic time, minutes here, does not.
fn long_texts_take_time_that_grows_with_their_length_only() {
    for part in ["{", "[:", "{1,", "\\Q", "(?i)"] {
        let text = part.repeat(200_000);
        let began = std::time::Instant::now();
        let _ = translate(&format!("[{text}")).is_ok() || translate(&text).is_ok();
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{part}");
    }
}

/// Every text of up to three of the characters that mean something is refused or becomes something that the regex
/// crate reads, apart from operators without an operand and names it does not know.
#[test]
fn nothing_that_is_accepted_surprises_the_regex_crate() {
    let alphabet: Vec<char> = "[]^-a:&\\Qpd({}),1*?|~".chars().collect();
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer = texts
            .iter()
            .flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}")));
        texts = longer.chain(texts.iter().cloned()).collect();
    }
    for text in texts {
        let Err(error) = compile(&text) else { continue };
        let ours = translate(&text).is_err();
        let known = ["missing expression", "property not found", "duplicate"];
        assert!(
            ours || known.iter().any(|known| error.detail.contains(known)),
            "{text}: {error}"
        );
    }
}
