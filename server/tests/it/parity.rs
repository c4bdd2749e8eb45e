//! Prometheus and the binary scrape one node_exporter side by side and give the same answers; see `scripts/parity`.

use std::process::Command;

use crate::harness::{Masthead, eventually};
use crate::tools;

/// Long enough for a rate over a minute.
const SECONDS: &str = "75";

/// The script's exit code where a program is missing.
const MISSING: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_and_masthead_see_the_same_node_exporter() {
    let mut script = Command::new("python3");
    script.arg(tools::scripts().join("parity"));
    script.args([
        "--interval",
        "2",
        "--masthead",
        &crate::harness::binary(),
        SECONDS,
    ]);
    let output = match tools::run(script).await {
        Ok(output) => output,
        Err(why) => return tools::skip("parity with Prometheus", &format!("python3: {why}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(MISSING) {
        return tools::skip("parity with Prometheus", complained.trim());
    }
    assert!(output.status.success(), "{}: {said}{complained}", output.status);
    assert!(said.ends_with("0 differences\n"), "{said}");
}

/// promtool, when it is there: asks the binary as it runs without any configuration, which watches itself.
#[tokio::test(flavor = "multi_thread")]
async fn promtool_reads_what_masthead_says_of_itself() {
    if let Err(why) = tools::run(promtool(&["--version"])).await {
        return tools::skip("promtool", &why.to_string());
    }
    let server = Masthead::start(&[]).await;
    let url = server.url();
    let up = eventually("masthead has scraped itself", || async {
        let said = tools::output(promtool(&["query", "instant", &url, "up"])).await;
        (!said.trim().is_empty()).then_some(said)
    })
    .await;
    assert!(
        up.starts_with("up{") && up.contains("job=\"masthead\"} => 1 @["),
        "{up}"
    );
    let names = tools::output(promtool(&["query", "labels", &url, "job"])).await;
    assert_eq!(names.trim(), "masthead");
    let series = tools::output(promtool(&["query", "series", "--match=up", &url])).await;
    assert!(series.contains("__name__=\"up\""), "{series}");
}

fn promtool(args: &[&str]) -> Command {
    let mut command = Command::new("promtool");
    command.args(args);
    command
}
