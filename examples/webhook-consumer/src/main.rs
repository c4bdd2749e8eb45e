//! A webhook consumer: the smallest service that can be paged. It implements `POST /alert`, takes the JSON body
//! (version 4 of Alertmanager's webhook format) and prints a line for the group and one for each alert.
//!
//! `cargo run -p webhook-consumer -- [ADDRESS]`, by default 127.0.0.1:5001.

use std::collections::BTreeMap;

use axum::extract::Json;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    receiver: String,
    status: String,
    group_key: String,
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    fingerprint: String,
}

async fn alert(Json(paged): Json<Notification>) -> StatusCode {
    println!(
        "{} {} ({} alerts) {}",
        paged.receiver,
        paged.status,
        paged.alerts.len(),
        paged.group_key
    );
    for alert in &paged.alerts {
        let name = alert.labels.get("alertname").map_or("?", String::as_str);
        let summary = alert.annotations.get("summary").map_or("", String::as_str);
        println!(
            "  {} {name} since {} [{}] {summary} {:?}",
            alert.status, alert.starts_at, alert.fingerprint, alert.labels
        );
    }
    if paged.truncated_alerts > 0 {
        println!("  and {} more", paged.truncated_alerts);
    }
    StatusCode::OK
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5001".to_owned());
    let app = axum::Router::new()
        .route("/alert", post(alert))
        .route("/", get(|| async { "POST /alert\n" }));
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("waiting for pages on http://{}/alert", listener.local_addr()?);
    axum::serve(listener, app).await
}
