//! Deleting series, snapshots and backups, and retention by matcher, as an operator does it.

use std::path::Path;

use serde_json::Value;

use crate::ask::now_ms;
use crate::harness::{Ended, Masthead, QUIET, client, run};
use crate::push::{remote_write, snappy, write_request};

const ADMIN: &[&str] = &["--web.enable-admin-api"];

/// A sample now of `kept` and of `dropped`.
async fn push(server: &Masthead, value: f64) {
    for name in ["kept", "dropped"] {
        let labels = [("__name__", name), ("job", "j")];
        let body = snappy(&write_request(&[(&labels, &[(now_ms(), value)])]));
        let (status, answer) = remote_write(&client(), &server.url(), body)
            .await
            .expect("answered");
        assert_eq!(status, 204, "{answer}");
    }
}

async fn admin(server: &Masthead, what: &str) -> (u16, String) {
    let url = format!("{}/api/v1/admin/tsdb/{what}", server.url());
    let answer = client().post(url).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

async fn values(server: &Masthead) -> [Option<String>; 2] {
    [server.value("kept").await, server.value("dropped").await]
}

fn some(value: &str) -> Option<String> {
    Some(value.to_owned())
}

async fn tsdb(arguments: &[&str]) -> Ended {
    run(&[&["tsdb"], arguments].concat(), "").await
}

fn storage(folder: &Path) -> String {
    format!("--storage.path={}", folder.display())
}

#[tokio::test]
async fn what_is_deleted_is_gone_also_after_a_kill() {
    let mut server = Masthead::configured(QUIET, ADMIN).await;
    push(&server, 1.0).await;
    assert_eq!(values(&server).await, [some("1"), some("1")]);
    let (status, answer) = admin(&server, "delete_series?match[]=dropped").await;
    assert_eq!((status, answer.as_str()), (204, ""));
    assert_eq!(values(&server).await, [some("1"), None]);
    let names = server.json("/api/v1/label/__name__/values").await;
    assert_eq!(names["data"], serde_json::json!(["kept"]));
    server.kill9();
    server.restart().await;
    assert_eq!(values(&server).await, [some("1"), None]);
    assert_eq!(admin(&server, "clean_tombstones").await.0, 204);
    push(&server, 2.0).await;
    assert_eq!(values(&server).await, [some("2"), some("2")]);
}

#[tokio::test]
async fn without_its_flag_the_admin_api_is_closed() {
    let server = Masthead::configured(QUIET, &[]).await;
    let (status, answer) = admin(&server, "snapshot").await;
    assert_eq!(status, 500);
    assert!(answer.contains("admin APIs disabled"), "{answer}");
}

#[tokio::test]
async fn a_snapshot_is_backed_up_beside_the_server_and_restored_elsewhere() {
    let server = Masthead::configured(QUIET, ADMIN).await;
    push(&server, 1.0).await;
    let (status, answer) = admin(&server, "snapshot").await;
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let name = answer["data"]["name"].as_str().expect("a name");
    push(&server, 2.0).await;
    let data = server.dir.path().join("data");
    let backup = server.dir.path().join("backup").display().to_string();
    let from_server = tsdb(&["backup", &storage(&data), "--to", &backup]).await;
    assert_eq!(from_server.code, Some(1), "{from_server:?}");
    assert!(from_server.stderr.contains("snapshot"), "{from_server:?}");
    for said in ["1 blocks", "1 there already"] {
        let done = tsdb(&["backup", &storage(&data), "--snapshot", name, "--to", &backup]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.contains(said), "{done:?}");
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let restore = ["restore", "--from", &backup, &storage(elsewhere.path())];
    assert_eq!(tsdb(&restore).await.code, Some(0));
    let again = tsdb(&restore).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("not empty"), "{again:?}");
    let dump = tsdb(&["dump", &storage(elsewhere.path())]).await;
    assert_eq!(dump.stdout.lines().count(), 2, "one sample a series: {dump:?}");
}

#[tokio::test]
async fn retention_rules_hide_and_a_reload_changes_them() {
    let with = |rules: &str| format!("{QUIET}storage: {{tsdb: {{retention_rules: [{rules}]}}}}\n");
    let mut server =
        Masthead::configured(&with("{match: dropped, time: 1s}"), &["--web.enable-lifecycle"]).await;
    let labels = |name| [("__name__", name), ("job", "j")];
    let (old_ms, new_ms) = (now_ms() - 60_000, now_ms());
    let body = write_request(&[
        (&labels("kept"), &[(old_ms, 1.0), (new_ms, 2.0)]),
        (&labels("dropped"), &[(old_ms, 1.0), (new_ms, 2.0)]),
    ]);
    let answer = remote_write(&client(), &server.url(), snappy(&body)).await;
    assert_eq!(answer.expect("answered").0, 204);
    let counts = async |server: &Masthead| {
        let count = |name: &str| format!("count_over_time({name}[10m])");
        [
            server.value(&count("kept")).await,
            server.value(&count("dropped")).await,
        ]
    };
    assert_eq!(counts(&server).await, [some("2"), some("1")]);
    let config = server.dir.path().join("masthead.yml");
    std::fs::write(&config, with("")).expect("written");
    let url = format!("{}/-/reload", server.url());
    let reloaded = client().post(url).send().await.expect("an answer");
    assert_eq!(reloaded.status().as_u16(), 200);
    assert_eq!(counts(&server).await, [some("2"), some("2")]);
    server.stop().await;
}
