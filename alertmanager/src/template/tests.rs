use std::fmt::Write as _;

use super::*;

/// A thing with a field, methods, and a map behind it.
struct Labelled;

impl Object for Labelled {
    fn type_name(&self) -> &str {
        "test.Labelled"
    }

    fn field(&self, name: &str) -> Option<Value> {
        (name == "Status").then(|| "firing".into())
    }

    fn method(&self, name: &str, args: &[Value]) -> Option<FuncResult> {
        match (name, args) {
            ("Join", [separator]) => Some(Ok(format!("a{separator}b").into())),
            ("Names", []) => Some(Ok(Value::list(["a".into(), "b".into()]))),
            ("Fail", []) => Some(Err("it fails".into())),
            _ => None,
        }
    }

    fn underlying(&self) -> Value {
        Value::string_map([("b", "2"), ("a", "1")])
    }
}

fn data() -> Value {
    Value::map([
        ("S", "text".into()),
        ("Empty", "".into()),
        ("I", Value::Int(3)),
        ("F", Value::Float(2.5)),
        ("Big", Value::Float(1e6)),
        ("Huge", Value::Float(123_456_789.0)),
        ("Small", Value::Float(1e-7)),
        ("Inf", Value::Float(f64::INFINITY)),
        ("NaN", Value::Float(f64::NAN)),
        ("T", true.into()),
        ("L", Value::list([Value::Int(1), Value::Int(2), Value::Int(3)])),
        ("M", Value::string_map([("z", "26"), ("a", "1")])),
        ("O", Value::object(Labelled)),
        ("At", Value::time_ms(1_431_340_246_007)),
        ("D", Value::Duration(3_723_500_000_000)),
        ("X", "<a href=\"x\">'&</a>".into()),
        ("H", Value::Html("<b>".into())),
        ("U", "http://h/p q?a=b&c=d".into()),
        ("Js", "javascript:alert(1)".into()),
    ])
}

fn functions() -> Functions {
    let mut functions = Functions::new();
    functions.add("upper", |args| match args {
        [Value::String(text)] => Ok(text.to_uppercase().into()),
        _ => Err("upper wants text".into()),
    });
    functions.add("fail", |_| Err("on purpose".into()));
    functions
}

fn run(mode: Mode, text: &str) -> Result<String, TemplateError> {
    let mut set = TemplateSet::new(functions());
    set.add("shared", "{{ define \"greet\" }}hello {{ . }}{{ end }}")?;
    set.render(text, mode, &data())
}

/// Lines of `template => output`; `\n` in either stands for a line break, `!text` for an error that contains it.
fn check(mode: Mode, cases: &str) {
    let mut failed = String::new();
    let mut count = 0;
    for line in cases.lines().filter(|l| !l.trim().is_empty()) {
        let (template, want) = line
            .trim()
            .split_once(" => ")
            .unwrap_or_else(|| panic!("bad case: {line}"));
        let (template, want) = (template.replace("\\n", "\n"), want.replace("\\n", "\n"));
        count += 1;
        match (run(mode, &template), want.strip_prefix('!')) {
            (Err(error), Some(part)) if error.to_string().contains(part) => {}
            (Ok(got), None) if format!("[{got}]") == want => {}
            (got, _) => writeln!(failed, "{template}\n  want {want}\n  got  {got:?}").unwrap(),
        }
    }
    assert!(failed.is_empty(), "{failed}");
    assert!(count > 5);
}

#[test]
fn text_values_and_printing() {
    check(
        Mode::Text,
        r#"
plain => [plain]
{{ .S }} => [text]
{{.I}}{{ .F }} => [32.5]
{{ .Big }} {{ .Huge }} {{ .Small }} {{ .Inf }} {{ .NaN }} => [1e+06 1.23456789e+08 1e-07 +Inf NaN]
{{ 100000.0 }} {{ 0.0001 }} {{ 12345.678 }} => [100000 0.0001 12345.678]
{{ .T }} {{ false }} => [true false]
{{ .L }} {{ .M }} {{ .O }} => [[1 2 3] map[a:1 z:26] map[a:1 b:2]]
{{ .Missing }} => [<no value>]
{{ .Missing.Deeper }} => [<no value>]
{{ .M.nope }} => []
{{ .S.x }} => !can't evaluate field x in type string
{{ "a\tb\u00e9\x41" }} => [a	béA]
{{ `raw\d` }} => [raw\d]
{{ 'a' }} {{ 0x1F }} {{ 1_000 }} {{ 0o17 }} {{ -3 }} {{ 1e3 }} => [97 31 1000 15 -3 1000]
{{ .At }} => [2015-05-11 10:30:46.007 +0000 UTC]
{{ .D }} => [1h2m3.5s]
{{ .D.Minutes }} => [62.05833333333333]
"#,
    );
}

#[test]
fn text_layout() {
    check(
        Mode::Text,
        r#"
a {{- " b " -}} c => [a b c]
a \n{{- /* note */ -}}\n b => [ab]
a{{/* note */}}b => [ab]
{{ "x"\n| upper }} => [X]
{{3 -}} 4 => [34]
{{- 3}} {{ 4 -}} => [3 4]
"#,
    );
}

#[test]
fn text_control() {
    check(
        Mode::Text,
        r#"
{{ if .T }}yes{{ else }}no{{ end }} => [yes]
{{ if .Empty }}1{{ else if .S }}2{{ else }}3{{ end }} => [2]
{{ if not .Empty }}1{{ end }} => [1]
{{ with .S }}{{ . }}{{ end }} => [text]
{{ with .Empty }}x{{ else with .I }}{{ . }}{{ else }}z{{ end }} => [3]
{{ with $x := .S }}{{ $x }}{{ . }}{{ end }} => [texttext]
{{ range .L }}{{ . }},{{ end }} => [1,2,3,]
{{ range $i, $x := .L }}{{ $i }}={{ $x }} {{ end }} => [0=1 1=2 2=3 ]
{{ range $k, $v := .M }}{{ $k }}:{{ $v }} {{ end }} => [a:1 z:26 ]
{{ range $k, $v := .O }}{{ $k }}:{{ $v }} {{ end }} => [a:1 b:2 ]
{{ range .Missing }}x{{ else }}none{{ end }} => [none]
{{ range 3 }}{{ . }}{{ end }} => [012]
{{ range .L }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ . }}{{ end }} => [13]
{{ range .L }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }} => [1]
{{ range .S }}{{ end }} => !range can't iterate over text
{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }} => [2]
{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }} => [21]
{{ $x := 0 }}{{ range $x = .L }}{{ end }}{{ $x }} => [3]
{{ range .L }}{{ $.S }}{{ end }} => [texttexttext]
{{ template "greet" .S }} => [hello text]
{{ template "greet" }} => [hello <no value>]
{{ tmpl "greet" .I }} => [hello 3]
{{ define "own" }}<{{ . }}>{{ end }}{{ template "own" 5 }} => [<5>]
{{ block "b" .S }}({{ . }}){{ end }} => [(text)]
{{ template "nope" }} => !template "nope" not defined
{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }} => !exceeds the depth
{{ range 2000000 }}{{ end }} => !exceeds 1000000 steps
"#,
    );
}

#[test]
fn text_functions() {
    check(
        Mode::Text,
        r#"
{{ "x" | upper | printf "%s-%s" "a" }} => [a-X]
{{ (upper "x") }}{{ upper (print "a" "b") }} => [XAB]
{{ and 1 0 (fail) }} {{ or 0 "x" (fail) }} => [0 x]
{{ and .S .I }} {{ or .Empty 0 }} => [3 0]
{{ 1 | and 0 }} => [0]
{{ eq 1 2 1 }} {{ ne "a" "b" }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 1.5 1.0 }} {{ ge "b" "a" }} => [true true true true true true]
{{ gt .F 1 }} => !incompatible types for comparison
{{ eq .L .L }} => !non-comparable type
{{ eq .Missing nil }} => [true]
{{ lt .NaN .F }} {{ ge .NaN .F }} => [false true]
{{ len .L }} {{ len "abc" }} {{ len .M }} {{ len .O }} => [3 3 2 2]
{{ index .L 1 }} {{ index .M "z" }} {{ index .M "q" }} {{ index "abc" 0 }} => [2 26  97]
{{ index .L 9 }} => !index out of range: 9
{{ slice "abcdef" 1 3 }} {{ slice .L 1 }} => [bc [2 3]]
{{ print 1 2 "a" 3 4 }} {{ println 1 "a" }} => [1 2a3 4 1 a\n]
{{ html "<a&'>" }} {{ js "it's <" }} {{ urlquery "a b&c/d" }} => [&lt;a&amp;&#39;&gt; it\'s \u003C a+b%26c%2Fd]
{{ fail }} => !error calling fail: on purpose
{{ nope }} => !function "nope" not defined
{{ .O.Join "-" }} {{ "+" | .O.Join }} {{ .O.Names }} {{ .O.Status }} {{ .O.b }} => [a-b a+b [a b] firing 2]
{{ (index .O.Names 1) }} => [b]
{{ .O.Fail }} => !it fails
{{ .O.Status 1 }} => !Status is not a method but has arguments
{{ .S 1 }} => !S is not a method but has arguments
{{ 1 2 }} => !can't give argument to non-function
"#,
    );
}

#[test]
fn printf_verbs() {
    check(
        Mode::Text,
        r#"
{{ printf "%v %s %d %t" .F .S .I .T }} => [2.5 text 3 true]
{{ printf "%.2f|%8.3f|%-8.1f|%08.2f" .F .F .F .F }} => [2.50|   2.500|2.5     |00002.50]
{{ printf "%f %e %g %G" 1234567.5 1234567.5 1234567.5 0.000001 }} => [1234567.500000 1.234568e+06 1.2345675e+06 1E-06]
{{ printf "%.4g %.4g %.4g %.3g" 1234.0 12345.0 0.00001234 100.0 }} => [1234 1.234e+04 1.234e-05 100]
{{ printf "%.0f %.1f" 2.5 0.25 }} => [2 0.2]
{{ printf "%q %x %X %x" "a\"b" "hi" "hi" 255 }} => ["a\"b" 6869 6869 ff]
{{ printf "%5d|%-5d|%05d|%+d" 42 42 -42 42 }} => [   42|42   |-0042|+42]
{{ printf "%5s|%-5s|%.2s" "ab" "ab" "abc" }} => [   ab|ab   |ab]
{{ printf "%c %U %o %b %#x" 65 65 8 5 255 }} => [A U+0041 10 101 0xff]
{{ printf "%d %s %f" "x" 5 1 }} => [%!d(string=x) %!s(int=5) %!f(int=1)]
{{ printf "%d" }} {{ printf "x" 1 "b" }} => [%!d(MISSING) x%!(EXTRA int=1, string=b)]
{{ printf "100%% %!" 1 }} => [100% %!!(int=1)]
{{ printf "%v %v" .L .Inf }} {{ printf "%f %6.2f" .Inf .NaN }} => [[1 2 3] +Inf +Inf    NaN]
{{ printf "%T %T %T" .F .S .I }} => [float64 string int]
{{ printf "%8s|%08d|%+8.1s|%.2T|% f" 5 "ab" 2.5 2.5 .Inf }} => [%!s(int=       5)|%!d(string=000000ab)|%!s(float64=      +2)|fl| Inf]
{{ printf "%.1x %+v %#g" "hi" 5 1.5 }} => [68 5 1.50000]
{{ printf "%*d" 5 42 }} => [   42]
{{ printf "%s %v" .At .D }} => [2015-05-11 10:30:46.007 +0000 UTC 1h2m3.5s]
"#,
    );
}

#[test]
fn times() {
    check(
        Mode::Text,
        r#"
{{ .At.Format "2006-01-02T15:04:05Z07:00" }} => [2015-05-11T10:30:46Z]
{{ .At.Format "Mon, 02 Jan 2006 15:04:05 MST" }} => [Mon, 11 May 2015 10:30:46 UTC]
{{ .At.Format "Monday January _2 3:04PM 06" }} => [Monday May 11 10:30AM 15]
{{ .At.Format "15:04:05.000 .999 -0700" }} => [10:30:46.007 .007 +0000]
{{ .At.Format "05.00 05,9999 .0x .01 Janus Mond __2 002" }} => [46.00 46,007 .0x .05 Janus Mond 131 131]
{{ .At.Unix }} {{ .At.Year }} {{ .At.Month }} {{ .At.Weekday }} {{ .At.YearDay }} => [1431340246 2015 May Monday 131]
{{ .At.IsZero }} {{ .At.UTC.Hour }} {{ (.At.Add .D).Format "15:04:05" }} => [false 10 11:32:49]
{{ (.At.Sub .At).Seconds }} {{ .At.After .At }} {{ .At.Equal .At }} => [0 false true]
{{ .At.Nope }} => !can't evaluate field Nope in type time.Time
"#,
    );
}

#[test]
fn what_go_refuses_to_parse() {
    check(
        Mode::Text,
        r#"
{{ if .T }}x => !unexpected EOF
{{ end }} => !unexpected {{end}}
{{ else }} => !unexpected {{else}}
{{ if }}x{{ end }} => !missing value for if
{{ }} => !missing value for command
{{ | 1 }} => !unexpected
{{ $x }} => !undefined variable "$x"
{{ $x = 1 }} => !undefined variable "$x"
{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }} => !undefined variable
{{ "abc }} => !unterminated quoted string
{{ .S => !unclosed action
{{ (.S }} => !unclosed left paren
{{ .S) }} => !unexpected right paren
{{ /* a */ }} => !unexpected
{{/* a }} => !unclosed comment
{{ break }} => !outside {{range}}
{{ nil }} => !nil is not a command
{{ 1 | 2 }} => !non executable command in pipeline stage 2
{{ .S.T"x" }} => !in operand
{{ 1.5.x }} => !bad number syntax
{{ range .L }}{{ define "x" }}{{ end }}{{ end }} => !unexpected <define>
{{ $a, $b := .L }} => !too many declarations
{{ ? }} => !in action
"#,
    );
    let deep = "{{ if 1 }}".repeat(500) + &"{{ end }}".repeat(500);
    assert!(
        run(Mode::Text, &deep).unwrap_err().message.contains("nesting"),
        "deep control structures"
    );
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert!(
        run(Mode::Text, &deep).unwrap_err().message.contains("nesting"),
        "deep parentheses"
    );
}

#[test]
fn html_is_escaped_for_its_place() {
    check(
        Mode::Html,
        r##"
<p>{{ .X }}</p> => [<p>&lt;a href=&#34;x&#34;&gt;&#39;&amp;&lt;/a&gt;</p>]
<p>{{ .H }}{{ .Missing }}</p> => [<p><b></p>]
<p title="{{ .X }}">{{ .S }}</p> => [<p title="&lt;a href=&#34;x&#34;&gt;&#39;&amp;&lt;/a&gt;">text</p>]
<a href="{{ .U }}">x</a> => [<a href="http://h/p%20q?a=b&amp;c=d">x</a>]
<a href='/s?q={{ .U }}'>x</a> => [<a href='/s?q=http%3a%2f%2fh%2fp%20q%3fa%3db%26c%3dd'>x</a>]
<a href="{{ .Js }}">x</a> => [<a href="#ZgotmplZ">x</a>]
<p class={{ .S }}>{{ .I }}</p> => [<p class=text>3</p>]
<p class={{ "a b" }}> => [<p class=a&#32;b>]
<p style="width: {{ .I }}px; color: {{ "red; x" }}"> => [<p style="width: 3px; color: ZgotmplZ">]
<!-- {{ .S }} -->{{ .S }} => [<!--  -->text]
<title>{{ .H }}</title>{{ .H }} => [<title>&lt;b&gt;</title><b>]
<script>x = {{ .S }}</script> => !not supported
<p onclick="f({{ .S }})"> => !not supported
<style>b { color: {{ "#fff" }} }</style>{{ .X | len }} => [<style>b { color: #fff }</style>18]
1 < 2 {{ .X | len }} => [1 < 2 18]
{{ define "row" }}<td>{{ . }}</td>{{ end }}{{ template "row" "<" }} => [<td>&lt;</td>]
{{ html "<" }}{{ print "<" }} => [&lt;&lt;]
<a href="/s?q={{ "a b&c" | urlquery }}"> => [<a href="/s?q=a&#43;b%26c">]
<p>{{ "a+b" }}</p> => [<p>a&#43;b</p>]
<p title="{{ .H }}"> => [<p title="">]
<input {{ "checked" }}><b {{ "onclick" }}=""> => [<input checked><b ZgotmplZ="">]
"##,
    );
}

#[test]
fn errors_say_where() {
    let error = Template::parse("t", "line one\n  {{ .A | ) }}").unwrap_err();
    assert_eq!(
        (error.name.as_str(), error.line, error.col),
        ("t", 2, 11),
        "{error}"
    );
    let error = run(Mode::Text, "a\nb {{ .S.x }}").unwrap_err();
    assert_eq!((error.line, error.col), (2, 6), "{error}");
    assert!(Template::parse_with("t", "{{ f }}", Some(&Functions::new()), &[]).is_err());
    assert!(
        Template::parse("t", "{{ f }}").is_ok(),
        "functions may come at execution"
    );
}

#[test]
fn variables_of_the_caller_are_visible() {
    let template = Template::parse_with("t", "{{ $value }}{{ $.S }}", None, &["$value"]).unwrap();
    let got = template.execute(
        Mode::Text,
        &data(),
        &Functions::new(),
        &[("$value", Value::Float(1.5))],
    );
    assert_eq!(got.unwrap(), "1.5text");
}

#[test]
fn go_durations() {
    for (ns, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (-90_000_000_000, "-1m30s"),
        (3_600_000_000_000, "1h0m0s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(format_duration(ns), text);
    }
}

#[test]
fn what_grows_without_bound_is_refused() {
    let mut functions = Functions::new();
    functions.add("list", |args| Ok(Value::list(args.iter().cloned())));
    functions.add("again", |args| {
        let text = args.first().and_then(Value::as_str).unwrap_or("");
        replace_all(&regex::Regex::new("").unwrap(), text, text)
    });
    for (text, refusal) in [
        (
            r#"{{ $x := "aaaaaaaa" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}"#,
            "bytes",
        ),
        (
            r#"{{ $x := "aaaaaaaa" }}{{ range 60 }}{{ $x = printf "%s%s" $x $x }}{{ end }}"#,
            "bytes",
        ),
        (
            r#"{{ $x := "aaaaaaaa" }}{{ range 60 }}{{ $x = again $x }}{{ end }}"#,
            "bytes",
        ),
        (
            r#"{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ $x }}"#,
            "bytes",
        ),
        (
            r#"{{ $x := list 1 }}{{ range 400000 }}{{ $x = list $x }}{{ end }}"#,
            "nests",
        ),
    ] {
        let template = Template::parse("t", text).unwrap();
        let got = template.execute(Mode::Text, &data(), &functions, &[]);
        let why = got.map(|text| text.len()).unwrap_err().to_string();
        assert!(why.contains(refusal), "{text}: {why}");
    }
}
