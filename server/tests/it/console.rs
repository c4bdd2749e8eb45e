//! The console in a browser: every page with data, by clicks and keys, as a person goes through it.
//!
//! Screenshots of each page are left in the build's folder for temporary files, to be looked at.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::harness::{Masthead, client, eventually};
use crate::tools;
use crate::webdriver::{Browser, ENTER};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

const RULES: &str = r#"
groups:
  - name: shop
    interval: 1s
    rules:
      - alert: ScrapedOften
        expr: sum by (job) (scrape_samples_scraped) > 0
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} gives {{ $value }} samples"}
      - alert: TargetDown
        expr: up == 0
        for: 1m
"#;

/// Whether coloured pixels of the chart reach further from left to right than a mere point would.
const LINE_DRAWN: &str = "
    const canvas = document.querySelector('[data-testid=chart] canvas');
    if (!canvas) return false;
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let i = 0; i < data.length; i += 4) {
      const pixel = [data[i], data[i + 1], data[i + 2]];
      if (data[i + 3] > 128 && Math.max(...pixel) - Math.min(...pixel) > 80) columns.add((i / 4) % canvas.width);
    }
    return columns.size >= 7;";

async fn masthead() -> Masthead {
    let server = Masthead::configured("rule_files: []\n", &["--web.enable-lifecycle"]).await;
    std::fs::write(server.dir.path().join("rules.yml"), RULES).expect("rules are written");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: masthead
    static_configs: [{{targets: ['{}']}}]\n",
        server.url().trim_start_matches("http://")
    );
    std::fs::write(server.dir.path().join("masthead.yml"), config).expect("the configuration is written");
    let reloaded = client().post(format!("{}/-/reload", server.url())).send().await;
    assert!(
        reloaded.is_ok_and(|r| r.status().is_success()),
        "the configuration is reloaded"
    );
    push(&server).await;
    server
}

/// A checkout over two services, with a line of each.
async fn push(server: &Masthead) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_nanos();
    let at = |ms: i64| (now as i64 + (ms - 2000) * 1_000_000).to_string();
    let resource =
        |service: &str| json!({"attributes": [{"key": "service.name", "value": {"stringValue": service}}]});
    let span = |id: &str, parent: &str, name: &str, from: i64, to: i64| {
        json!({
            "traceId": TRACE, "spanId": id, "parentSpanId": parent, "name": name, "kind": 2,
            "startTimeUnixNano": at(from), "endTimeUnixNano": at(to),
        })
    };
    let mut declined = span("00000000000000c3", "00000000000000b2", "charge", 12, 30);
    declined["status"] = json!({"code": 2, "message": "card declined"});
    declined["events"] = json!([{"timeUnixNano": at(25), "name": "card declined"}]);
    let checkout = [
        span("00000000000000a1", "", "checkout", 0, 40),
        span("00000000000000b2", "00000000000000a1", "POST /charge", 5, 35),
    ];
    let traces = json!({"resourceSpans": [
        {"resource": resource("shop"), "scopeSpans": [{"spans": checkout}]},
        {"resource": resource("payment"), "scopeSpans": [{"spans": [declined]}]},
    ]});
    let line = |ms: i64, level: &str, text: &str, span: &str| {
        json!({
            "timeUnixNano": at(ms), "severityText": level, "body": {"stringValue": text}, "traceId": TRACE, "spanId": span,
        })
    };
    let lines = [
        line(1, "INFO", "checkout started", "00000000000000a1"),
        line(38, "ERROR", "checkout failed: card declined", "00000000000000a1"),
    ];
    let logs =
        json!({"resourceLogs": [{"resource": resource("shop"), "scopeLogs": [{"logRecords": lines}]}]});
    for (signal, body) in [("traces", traces), ("logs", logs)] {
        let url = format!("{}/v1/{signal}", server.otlp_http());
        let answer = client()
            .post(&url)
            .json(&body)
            .send()
            .await
            .expect("OTLP answers");
        assert_eq!(
            answer.status(),
            200,
            "{url}: {}",
            answer.text().await.unwrap_or_default()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_what_there_is() {
    let browser = match Browser::start().await {
        Ok(browser) => browser,
        Err(why) => return tools::skip("every_page_shows_what_there_is", &why),
    };
    let server = masthead().await;
    browser.open(&server.url()).await;
    if browser.run("return !document.getElementById('app')").await == true {
        browser.close().await;
        return tools::skip(
            "every_page_shows_what_there_is",
            "the binary was built without its console",
        );
    }
    metrics(&browser, &server).await;
    traces(&browser).await;
    logs(&browser).await;
    alerts(&browser).await;
    targets(&browser).await;
    assert_eq!(browser.errors().await, Vec::<String>::new());
    browser.close().await;
}

async fn metrics(browser: &Browser, server: &Masthead) {
    // Fewer make a point, not a line.
    eventually("three scrapes are stored", || async {
        let found = server.query("count_over_time(up[1m]) >= 3").await;
        (!found.is_empty()).then_some(())
    })
    .await;
    browser.type_into(".cm-content", &format!("up{ENTER}")).await;
    browser
        .wait(
            "the address bar has the query",
            "return location.search.includes('expr=up')",
        )
        .await;
    browser
        .wait(
            "a line is drawn",
            "return Number(document.querySelector('[data-testid=chart]')?.dataset.lines ?? 0)",
        )
        .await;
    browser.press("5m").await;
    browser.wait("the canvas has a coloured line", LINE_DRAWN).await;
    browser.sees(".legend", r#"up{instance="127.0.0.1:"#).await;
    browser.screenshot("console-query").await;

    browser.press("Table").await;
    browser.sees("table.result", "job=masthead").await;
    browser.sees("table.result .number", "1").await;
    browser.screenshot("console-table").await;

    // What the server says of a bad query stands on the page. The browser notes the 400 as an error.
    browser.open(&format!("{}/query?expr=up%7B", server.url())).await;
    browser.sees(".notice.error", "unexpected end of input").await;
    let refused = browser.errors().await;
    assert!(
        refused.iter().all(|e| e.contains("400 (Bad Request)")),
        "{refused:?}"
    );
    // A link of Prometheus' own form opens here as well.
    browser
        .open(&format!("{}/graph?g0.expr=1%2B1&g0.tab=1", server.url()))
        .await;
    browser.sees("table.result .number", "2").await;
}

async fn traces(browser: &Browser) {
    browser.press("Traces").await;
    browser
        .type_into("input[name=service]", &format!("shop{ENTER}"))
        .await;
    browser.sees(".traces li", "shop: checkout").await;
    browser.sees(".traces em", "1 error").await;
    browser.screenshot("console-traces").await;
    browser.click(".traces a").await;
    browser.sees(".waterfall", "charge").await;
    let spans = browser
        .run("return document.querySelectorAll('.waterfall .span').length")
        .await;
    assert_eq!(spans, 3);
    let widths = browser
        .run("return [...document.querySelectorAll('.waterfall .bar')].map((bar) => bar.getBoundingClientRect().width)")
        .await;
    let widths: Vec<f64> = serde_json::from_value(widths).expect("numbers");
    assert!(
        widths[0] > widths[1] && widths[1] > widths[2] && widths[2] > 2.0,
        "{widths:?}"
    );
    browser.sees(".line", "checkout failed: card declined").await;
    browser.click(".span.error > button").await;
    browser.sees(".detail", "card declined").await;
    browser.screenshot("console-trace").await;
}

async fn logs(browser: &Browser) {
    browser.press("Logs").await;
    browser.sees(".line", "checkout started").await;
    browser
        .wait(
            "lines are counted",
            "return document.querySelectorAll('.bars i').length > 10",
        )
        .await;
    browser.screenshot("console-logs").await;
    browser
        .type_into("input[name=text]", &format!("declined{ENTER}"))
        .await;
    browser
        .wait(
            "only lines with the word are left",
            "const lines = [...document.querySelectorAll('.line')];
             return lines.length === 1 && lines[0].innerText.includes('checkout failed')",
        )
        .await;
    browser.click(".line > button").await;
    browser.click(".line .detail a").await;
    browser
        .wait(
            "the line leads to its trace",
            &format!("return location.pathname === '/trace/{TRACE}'"),
        )
        .await;
    browser.sees(".waterfall", "POST /charge").await;
}

async fn alerts(browser: &Browser) {
    browser.press("Alerts").await;
    browser.sees(".rule.firing", "ScrapedOften").await;
    browser.sees(".rule.firing", "masthead gives").await;
    browser.sees(".rule.inactive", "TargetDown").await;
    browser.screenshot("console-alerts").await;
}

async fn targets(browser: &Browser) {
    browser.press("Targets").await;
    browser.sees(".state.up", "up").await;
    browser.sees("table.targets", "/metrics").await;
    browser.screenshot("console-targets").await;
}
