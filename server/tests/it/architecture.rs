//! Who may know whom, as ARCHITECTURE.md draws it.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Each crate with the crates of ours that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("durable", &[]),
    ("dashboards", &[]),
    ("yaml", &["model"]),
    ("promql", &["model"]),
    ("tsdb", &["model", "durable"]),
    ("traces", &["model", "durable"]),
    ("log-indexer", &["model", "durable"]),
    ("collector", &["model", "yaml"]),
    ("alertmanager", &["model", "durable", "promql", "yaml"]),
    (
        "api",
        &[
            "model",
            "promql",
            "tsdb",
            "traces",
            "log-indexer",
            "collector",
            "alertmanager",
            "dashboards",
        ],
    ),
];

/// Crates that block and leave threads and sockets to the server.
const BLOCKING: &[&str] = &[
    "model",
    "durable",
    "yaml",
    "promql",
    "tsdb",
    "traces",
    "log-indexer",
    "dashboards",
];

/// What a blocking crate must not name.
const ASYNC: &[&str] = &["tokio", "hyper", "axum", "tonic", "reqwest", "kube"];

/// What only `api` and the server may name: nobody else serves.
const SERVING: &[&str] = &["axum", "tonic", "hyper"];

/// Each of our crates with its normal dependencies.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_owned();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let normal = list(&package["dependencies"])
                .into_iter()
                .filter(|d| d["kind"].is_null());
            (name(package), normal.map(|d| name(&d)).collect())
        })
        .collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let all = dependencies();
    for (krate, allowed) in ALLOWED {
        let found = all
            .get(*krate)
            .unwrap_or_else(|| panic!("crate {krate} is gone: update this test"));
        for dependency in found.iter().filter(|d| all.contains_key(*d)) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{krate} must not know {dependency}"
            );
        }
    }
    for krate in all.keys().filter(|k| {
        ![
            "masthead",
            "demo-service",
            "webhook-consumer",
            "load",
            "differential",
        ]
        .contains(&k.as_str())
    }) {
        assert!(
            ALLOWED.iter().any(|(name, _)| name == krate),
            "say in this test whom {krate} may know"
        );
    }
}

#[test]
fn stores_and_engines_know_no_runtime() {
    let all = dependencies();
    for krate in BLOCKING {
        for dependency in &all[*krate] {
            assert!(
                !ASYNC.contains(&dependency.as_str()),
                "{krate} must not know {dependency}"
            );
        }
    }
}

#[test]
fn only_the_api_serves() {
    for (krate, found) in dependencies() {
        let serves = ["api", "masthead", "demo-service", "webhook-consumer"].contains(&krate.as_str());
        for dependency in found {
            assert!(
                serves || !SERVING.contains(&dependency.as_str()),
                "{krate} must not know {dependency}"
            );
        }
    }
}
