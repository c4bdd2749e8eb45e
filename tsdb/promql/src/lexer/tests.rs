use super::*;

fn kinds(text: &str) -> Vec<Kind> {
    let (tokens, error) = tokenize(text);
    assert!(error.is_none(), "{text}: {error:?}");
    tokens.into_iter().map(|t| t.kind).collect()
}

fn error(text: &str) -> (usize, String) {
    let (tokens, error) = tokenize(text);
    assert_eq!(tokens.last().map(|t| t.kind), Some(Kind::Error), "{text}");
    let error = error.expect(text);
    (error.at, error.message)
}

#[test]
fn words_are_what_stands_around_them() {
    use Kind::{End, Identifier, LeftBrace, RightBrace};
    assert_eq!(
        kinds("{sum,by}"),
        [LeftBrace, Identifier, Kind::Comma, Identifier, RightBrace, End]
    );
    assert_eq!(kinds("SUM"), [Kind::Aggregate(crate::ast::AggregateOp::Sum), End]);
    assert_eq!(kinds("a:sum Inf"), [Kind::MetricIdentifier, Kind::Number, End]);
    assert_eq!(kinds("fill"), [Identifier, End]);
    assert_eq!(kinds("fill\n()").first(), Some(&Kind::Keyword(Keyword::Fill)));
    assert_eq!(kinds("a_word_longer_than_any"), [Identifier, End]);
}

#[test]
fn comments_and_spaces_leave_nothing() {
    assert_eq!(
        kinds(" # a\n\t#b\r{#c }\n}"),
        [Kind::LeftBrace, Kind::RightBrace, Kind::End]
    );
    assert_eq!(kinds(""), [Kind::End]);
}

#[test]
fn numbers_and_durations() {
    for text in ["1", "1.", ".5", "1e-3", "0x1F ", "1_000", "0XfF)"] {
        let text = format!("({text}{}", if text.ends_with(')') { "" } else { ")" });
        assert_eq!(kinds(&text)[1], Kind::Number, "{text}");
    }
    for text in ["5m", "1h30m", "1ms", "1.5h", "1e3s"] {
        assert_eq!(kinds(text), [Kind::Duration, Kind::End], "{text}");
    }
    for (text, shown) in [
        ("2.5.", "2.5."),
        ("100..4", "100.."),
        ("0deadbeef", "0de"),
        ("5mm", "5mm"),
        ("0xee", "0xee"),
        ("1_", "1_"),
    ] {
        assert_eq!(
            error(text),
            (0, format!("bad number or duration syntax: \"{shown}\""))
        );
    }
}

#[test]
fn brackets_have_rules_of_their_own() {
    for (text, at, message) in [
        (
            "a[:5m]",
            3,
            "unexpected colon before duration in duration expression",
        ),
        ("a[5m:1m:]", 7, "unexpected colon ':'"),
        ("a[5m x]", 5, "unexpected character: 'x', expected ':'"),
        ("a[x]", 2, "unexpected character in duration expression: 'x'"),
        ("a[", 2, "unexpected end of input in duration expression"),
        ("a[5m", 4, "unclosed left bracket"),
        ("a[5m[", 4, "unexpected left bracket '['"),
        ("a]", 1, "unexpected right bracket ']'"),
    ] {
        assert_eq!(error(text), (at, message.to_owned()), "{text}");
    }
    assert_eq!(kinds("a[STEP()+Range()]").len(), 11);
}

#[test]
fn what_is_no_piece_is_pointed_at() {
    for (text, at, message) in [
        ("(1))", 4, "unexpected right parenthesis ')'"),
        ("((1)", 4, "unclosed left parenthesis"),
        ("a !b", 2, "unexpected character after '!': 'b'"),
        ("a !", 2, "unexpected character after '!': '\u{fffd}'"),
        (
            "a{b!",
            3,
            "unexpected character after '!' inside braces: '\u{fffd}'",
        ),
        ("a{{", 2, "unexpected left brace '{'"),
        ("a é", 2, "unexpected character: 'é'"),
        ("'a", 0, "unterminated quoted string"),
        ("\"\\u12\"", 0, "illegal character U+0022 '\"' in escape sequence"),
        ("\"\\400\"", 0, "escape sequence is an invalid Unicode code point"),
        (
            "\"\\ud800\"",
            0,
            "escape sequence is an invalid Unicode code point",
        ),
        ("\"\\'\"", 0, "unknown escape sequence U+0027 '''"),
        ("\"\u{fffd}\"", 0, "invalid UTF-8 rune"),
    ] {
        assert_eq!(error(text), (at, message.to_owned()), "{text}");
    }
}

#[test]
fn texts_mean_what_their_escapes_say() {
    for (literal, meaning) in [
        (r"`raw\d`", r"raw\d"),
        (r#""\xc3\xa9\u00e9\t\101\U0001F980""#, "éé\tA🦀"),
        (r#"'it\'s "it"'"#, "it's \"it\""),
        (r#""\xff!""#, "\u{fffd}!"),
        ("''", ""),
    ] {
        assert!(tokenize(literal).1.is_none(), "{literal}");
        assert_eq!(text::unquote(literal), meaning);
    }
}
