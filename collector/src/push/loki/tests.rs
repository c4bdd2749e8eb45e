use super::*;
use crate::push::mutation;
use crate::push::wire::write::Writer;

const JSON: &str = r#"{"streams":[
  {"stream":{"app":"shop","env":"prod"},"values":[
    ["1700000000000000001","level=warn out of \"stock\""],
    ["1700000000000000002","second",{"trace_id":"5b8efff798038103d269b633813fc60c","span_id":"eee19b7ec3c1b174","user":"u1"}]
  ]},
  {"stream":{"service_name":"other"},"values":[["3","x"]]}
]}"#;

fn protobuf() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.nested(1, |w| {
        w.text(1, r#"{app="shop", env="prod"}"#);
        w.nested(2, |w| {
            w.nested(1, |w| {
                w.int64(1, 1_700_000_000).int64(2, 1);
            });
            w.text(2, "level=warn out of \"stock\"");
        });
        w.nested(2, |w| {
            w.nested(1, |w| {
                w.int64(1, 1_700_000_000).int64(2, 2);
            });
            w.text(2, "second");
            for (name, value) in [
                ("trace_id", "5b8efff798038103d269b633813fc60c"),
                ("span_id", "eee19b7ec3c1b174"),
                ("user", "u1"),
            ] {
                w.nested(3, |w| {
                    w.text(1, name).text(2, value);
                });
            }
        });
    });
    writer.nested(1, |w| {
        w.nested(2, |w| {
            w.nested(1, |w| {
                w.int64(2, 3);
            });
            w.text(2, "x");
        });
        w.text(1, r#"{service_name="other"}"#);
    });
    writer.0
}

#[test]
fn both_encodings_say_the_same() {
    let json = decode(Format::Json, JSON.as_bytes()).unwrap();
    let proto = decode(Format::Protobuf, &protobuf()).unwrap();
    assert_eq!(json, proto);
    assert_eq!(json.len(), 3);
    assert_eq!(
        json[0].stream.to_string(),
        r#"{app="shop", env="prod", service_name="shop"}"#
    );
    assert_eq!(json[0].timestamp_ns, 1_700_000_000_000_000_001);
    assert_eq!(json[0].line, "level=warn out of \"stock\"");
    assert_eq!(json[0].metadata.to_string(), r#"{detected_level="warn"}"#);
    assert_eq!(json[1].metadata.get("user"), Some("u1"));
    assert_eq!(
        json[1].trace_id.unwrap().to_string(),
        "5b8efff798038103d269b633813fc60c"
    );
    assert_eq!(json[1].span_id.unwrap().to_string(), "eee19b7ec3c1b174");
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        (
            r#"{"streams":[{"stream":{},"values":[["1","x"]]}]}"#,
            "at least one label",
        ),
        (
            r#"{"streams":[{"stream":{"a.b":"c"},"values":[]}]}"#,
            "invalid label name \"a.b\"",
        ),
        (
            r#"{"streams":[{"stream":{"a":"c"},"values":[["now","x"]]}]}"#,
            "invalid timestamp \"now\"",
        ),
        (
            r#"{"streams":[{"stream":{"a":"c"},"values":[["1"]]}]}"#,
            "no line",
        ),
        (
            r#"{"streams":[{"stream":{"a":"c"},"values":[[1,"x"]]}]}"#,
            "line 1 column",
        ),
        (r#"{"streams":"#, "EOF"),
    ];
    for (json, why) in cases {
        let error = decode(Format::Json, json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}

#[test]
fn stream_labels_of_all_shapes() {
    let good = [
        (r#"{a="b"}"#, r#"{a="b"}"#),
        (r#" { a = "b" , c="d", } "#, r#"{a="b", c="d"}"#),
        (r#"{a="q\"\\\n\u00e4\x41\101"}"#, r#"{a="q\"\\\näAA"}"#),
        ("{a=`raw\\n`}", r#"{a="raw\\n"}"#),
        ("{}", "{}"),
    ];
    for (text, shown) in good {
        assert_eq!(parse_labels(text).unwrap().to_string(), shown, "{text}");
    }
    let bad = [
        ("", "expected '{' at position 0"),
        ("a", "expected '{' at position 0"),
        ("{a}", "expected '=' at position 2"),
        ("{a=b}", "expected a quoted value at position 3"),
        (r#"{a="b"#, "unterminated value"),
        (r#"{a="b" c="d"}"#, "expected ',' or '}' at position 7"),
        (r#"{a="b",a="c"}"#, "label given twice"),
        (r#"{1a="b"}"#, "expected a label name at position 1"),
        (r#"{a="b"} x"#, "unexpected text after '}'"),
        (r#"{a="\q"}"#, "invalid escape"),
        (r#"{a="\ud800"}"#, "invalid escape"),
    ];
    for (text, why) in bad {
        let error = parse_labels(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn mutated_requests_never_panic() {
    mutation::over(&protobuf(), 20_000, |bytes| drop(decode(Format::Protobuf, bytes)));
    mutation::over(JSON.as_bytes(), 20_000, |bytes| drop(decode(Format::Json, bytes)));
}
