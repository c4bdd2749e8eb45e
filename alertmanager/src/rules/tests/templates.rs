use super::*;
use crate::template::{Mode, Template};

const NOW_MS: i64 = 1_431_340_246_000;

fn expand(text: &str) -> String {
    let world = World::default();
    world.querier.set(
        "metric",
        &[("metric{instance=\"b\"}", 21.0), ("metric{instance=\"a\"}", 11.0)],
    );
    world.querier.set("none", &[]);
    let base = Arc::new(template_functions("http://masthead.example:9090/prefix"));
    let external = Labels::from_pairs([("cluster", "c1")]);
    let expander = Expander::new(
        base,
        world.querier,
        NOW_MS,
        &external,
        "http://masthead.example:9090/prefix",
    );
    let element = expander.element(
        &labels("up{instance=\"host.example:9100\", job=\"node\"}"),
        1_234_567.0,
    );
    let parsed = super::super::expand::Text::parse("t", text, Some(&super::super::functions::for_checks()));
    element.expand(&parsed.unwrap())
}

/// Lines of `template => text`; `!text` for an expansion that fails with it.
#[test]
fn templates_of_rules() {
    let cases = r#"
plain text => plain text
{{ $labels.job }} is {{ $value }} => node is 1.234567e+06
{{ .Labels.job }} {{ .Value }} {{ $labels.missing }}. => node 1.234567e+06 .
{{ $externalLabels.cluster }} {{ .ExternalLabels.cluster }} => c1 c1
{{ $externalURL }} {{ externalURL }} {{ pathPrefix }} => http://masthead.example:9090/prefix http://masthead.example:9090/prefix /prefix
{{ humanize $value }} => 1.235M
{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize 0.12 }} {{ humanize 0.000001 }} => 0 1 1.235M 120m 1u
{{ humanize "1e30" }} {{ humanize -1500.0 }} {{ humanize 999.99 }} => 1e+06Y -1.5k 1000
{{ humanize1024 0.0 }} {{ humanize1024 1.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 0.12 }} => 0 1 1Mi 0.12
{{ humanizeDuration 0 }} {{ humanizeDuration 1 }} {{ humanizeDuration 60 }} {{ humanizeDuration 3600 }} {{ humanizeDuration 86400 }} => 0s 1s 1m 0s 1h 0m 0s 1d 0h 0m 0s
{{ humanizeDuration 86399 }} {{ humanizeDuration -3661 }} {{ humanizeDuration 59.123456 }} => 23h 59m 59s -1h 1m 1s 59.12s
{{ humanizeDuration 0.1 }} {{ humanizeDuration 0.0001 }} {{ humanizeDuration 0.12345 }} {{ humanizeDuration "90" }} => 100ms 100us 123.5ms 1m 30s
{{ humanizePercentage 0.1234 }} {{ humanizePercentage 0.12345 }} {{ humanizePercentage 1 }} {{ humanizePercentage "0.5" }} => 12.34% 12.35% 100% 50%
{{ humanizeTimestamp 1435065584.128 }} => 2015-06-23 13:19:44.128 +0000 UTC
{{ humanizeTimestamp "NaN" }} {{ humanize "+Inf" }} {{ humanizeDuration "-Inf" }} => NaN +Inf -Inf
{{ humanize "abc" }} => !invalid syntax
{{ title "aa bB-cc" }} {{ toUpper "aA" }} {{ toLower "AÉ" }} => Aa BB-Cc AA aé
{{ match "a+" "xaab" }} {{ match "^b" "ab" }} {{ match "(" "a" }} => !error parsing regexp
{{ match "a+" "xaab" }} {{ match "^b" "ab" }} => true false
{{ match "^\\w+$" "été" }} {{ reReplaceAll "[[]|\\d" "." "a[1]٣" }} => false a..]٣
{{ reReplaceAll "(a)b" "x$1" "abab" }} {{ reReplaceAll "^h(.*)t$" "${1}!" "hot" }} => xaxa o!
{{ stripPort "a.b:80" }} {{ stripPort "a.b" }} {{ stripPort "[::1]:80" }} {{ stripPort "::1" }} => a.b a.b ::1 ::1
{{ stripDomain "a.b.c:80" }} {{ stripDomain "a.b" }} {{ stripDomain "1.2.3.4:80" }} {{ stripDomain "a" }} => a:80 a 1.2.3.4:80 a
{{ stripDomain $labels.instance }} => host:9100
{{ parseDuration "1h30m" }} {{ parseDuration "x" }} => !not a valid duration string
{{ parseDuration "1h30m" }} => 5400
{{ graphLink "up == 0" }} => /graph?g0.expr=up+%3D%3D+0&g0.tab=0
{{ tableLink "a{b=\"c\"}" }} => /graph?g0.expr=a%7Bb%3D%22c%22%7D&g0.tab=1
{{ safeHtml "<b>" }} {{ urlQueryEscape "a b" }} => <b> a+b
{{ query "metric" | first | value }} {{ query "metric" | first | label "instance" }} => 21 b
{{ range query "metric" }}{{ .Labels.instance }}={{ .Value }} {{ end }} => b=21 a=11
{{ range query "metric" | sortByLabel "instance" }}{{ .Labels.instance }}{{ end }} => ab
{{ query "metric" | first | strvalue }}. => .
{{ query "metric" }} => [map[Labels:map[__name__:metric instance:b] Value:21] map[Labels:map[__name__:metric instance:a] Value:11]]
{{ with query "none" }}{{ . | first | value }}{{ else }}nothing{{ end }} => nothing
{{ query "none" | first }} => !first() called on vector with no elements
{{ query "unknown" }} => !no answer for unknown
{{ define "x" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "x" (args 1 "b") }} => 1-b
{{ $x := "n" }}{{ define "n" }}<{{ . }}>{{ end }}{{ tmpl $x 5 }} => <5>
{{ now }} {{ (toTime $value).Unix }} {{ (toTime now).Format "2006" }} {{ toDuration 90 }} => 1.431340246e+09 1234567 2015 1m30s
{{ if gt $value 1000.0 }}large{{ end }} => large
{{ if gt $value 1000 }}large{{ end }} => !incompatible types for comparison
{{ printf "%.1f" $value }} {{ $value | humanize | printf "%s!" }} => 1234567.0 1.235M!
{{ .Nope }} => !can't evaluate field Nope in type template.AlertData
"#;
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in cases.lines().filter(|l| !l.is_empty()) {
        let (template, want) = line.split_once(" => ").unwrap();
        let got = expand(template);
        let good = match want.strip_prefix('!') {
            Some(part) => got.starts_with("<error expanding template: template: t:1:") && got.contains(part),
            None => got.trim_end() == want,
        };
        if !good {
            wrong.push(format!("{template}\n  want {want}\n  got  {got}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40);
}

#[test]
fn every_function_is_known_when_files_are_checked() {
    let functions = super::super::functions::for_checks();
    for name in [
        "query",
        "now",
        "first",
        "humanize",
        "tmpl",
        "args",
        "externalURL",
        "and",
        "printf",
    ] {
        let text = format!("{{{{ {name} }}}}");
        assert!(
            Template::parse_with("t", &text, Some(&functions), &[]).is_ok(),
            "{name}"
        );
    }
    let html = Template::parse("t", "{{ safeHtml \"<b>\" }}{{ \"<\" }}").unwrap();
    let shown = html
        .execute(Mode::Html, &crate::template::Value::Nil, &functions, &[])
        .unwrap();
    assert_eq!(shown, "<b>&lt;");
}
