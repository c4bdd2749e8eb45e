use super::*;
use crate::template::Mode;

#[test]
fn bad_templates_are_found_when_the_configuration_is_loaded() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    let build = |config: &Config| {
        Notifiers::build(config, "http://m", &clock)
            .err()
            .map(|e| e.to_string())
    };
    let bad_url = config("", "webhook_configs: [{url: 'http://x/{{ nothing }}'}]");
    assert!(
        build(&bad_url).unwrap().contains("url: "),
        "{:?}",
        build(&bad_url)
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.tmpl"), "{{ define \"x\" }}\n{{ end").unwrap();
    let mut with_file = config("", "webhook_configs: [{url: 'http://x/'}]");
    with_file.templates = vec!["*.tmpl".to_owned()];
    with_file.base_dir = dir.path().to_owned();
    assert!(
        build(&with_file).unwrap().contains("a.tmpl"),
        "{:?}",
        build(&with_file)
    );
}

/// Templates over two alerts, one firing and one ended.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "{{ .Status }} {{ len .Alerts }} {{ len .Alerts.Firing }} {{ len .Alerts.Resolved }}",
        "firing 2 1 1",
    ),
    (
        "{{ .Receiver }} {{ .ExternalURL }}",
        r"ops\.team http://masthead:9090",
    ),
    (
        "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
        "alertname=X;job=api;",
    ),
    (
        "{{ .CommonLabels.Names.Join \",\" }} {{ .GroupLabels.Values | join \"+\" }}",
        "alertname,job X",
    ),
    ("{{ (.CommonLabels.Remove .GroupLabels.Names).Values }}", "[api]"),
    (
        "{{ (.CommonLabels.Remove (stringSlice \"job\")).SortedPairs.String }}",
        "alertname=X",
    ),
    (
        "{{ .GroupLabels.nothing }}|{{ .CommonLabels.job | toUpper }}",
        "|API",
    ),
    (
        "{{ (index .Alerts 0).StartsAt.Format \"2006-01-02 15:04:05.00\" }}",
        "2026-05-28 20:25:38.75",
    ),
    (
        "{{ date \"15:04 MST\" (tz \"Europe/Berlin\" (index .Alerts 1).EndsAt) }}",
        "22:26 CEST",
    ),
    (
        "{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}",
        "1m 1s",
    ),
    ("{{ (index .Alerts 0).Annotations.summary }}", "5 < 6 & \"so\""),
    (
        "{{ title \"hello wORLD\" }} {{ trimSpace \" x \" }} {{ toLower \"AB\" }}",
        "Hello World x ab",
    ),
    (
        "{{ match \"^a.c$\" \"abc\" }} {{ reReplaceAll \"(a)(b)\" \"$2$1\" \"abc\" }}",
        "true bac",
    ),
    (
        "{{ toJson .GroupLabels }} {{ toJson (list 1 \"a\" (dict \"k\" true)) }}",
        r#"{"alertname":"X"} [1,"a",{"k":true}]"#,
    ),
    ("{{ .CommonLabels }}", "alertname=X, job=api"),
    (
        "{{ printf \"%s|%q|%30v\" .CommonLabels .GroupLabels.SortedPairs .CommonLabels }}",
        "alertname=X, job=api|\"alertname=X\"|          alertname=X, job=api",
    ),
    (
        "{{ print .GroupLabels }} {{ index .GroupLabels.SortedPairs 0 }} {{ .CommonLabels.Names }}",
        "alertname=X {alertname X} [alertname job]",
    ),
    (
        "{{ printf \"%.15s\" (print (index .Alerts 0)) }}",
        "{firing alertna",
    ),
    ("{{ template \"__subject\" . }}", "[FIRING:1] X (api)"),
    (
        "{{ .NotificationReason }} {{ .RouteLabels.page }}",
        "first notification X!",
    ),
    (
        "{{ range .Alerts }}{{ if eq .Status \"resolved\" }}{{ .Labels.instance }}{{ end }}{{ end }}",
        "b",
    ),
];

#[test]
fn templates_see_the_message_as_documented() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    let config = config("", "webhook_configs: [{url: 'http://x/'}]");
    let templates = Templates::load(&config, "http://masthead:9090", &clock).unwrap();
    let group = two_alerts();
    let message = templates.message(&group.notice(), 0);
    for (text, expected) in TEMPLATES {
        assert_eq!(
            templates.render(text, Mode::Text, &message).as_deref(),
            Ok(*expected),
            "{text}"
        );
    }
    let ended = Group::new(vec![alert("X", "b", true)]);
    let message = templates.message(&ended.notice(), 0);
    assert_eq!(
        templates
            .render("{{ template \"__subject\" . }}", Mode::Text, &message)
            .unwrap(),
        "[RESOLVED] X (b api)"
    );
    let list = templates
        .render(
            "{{ template \"__text_alert_list\" .Alerts }}",
            Mode::Text,
            &message,
        )
        .unwrap();
    assert!(
        list.contains("Labels:\n  alertname = X\n  instance = b\n") && list.contains("Source: http"),
        "{list}"
    );
    let html = templates
        .render("{{ template \"email.default.html\" . }}", Mode::Html, &message)
        .unwrap();
    for expected in [
        "<title>[RESOLVED] X (b api)</title>",
        "href=\"http://masthead:9090/alerts?receiver=ops%5c.team\"",
        "0 firing, 1 resolved",
        "<td style=\"padding: 1px 0\">5 &lt; 6 &amp; &#34;so&#34;</td>",
        "until 2026-05-28 20:26:39 UTC",
    ] {
        assert!(html.contains(expected), "expected {expected:?} in\n{html}");
    }
}
