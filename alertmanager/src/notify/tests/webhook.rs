use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_webhook_gets_version_4() {
    let sink = HttpSink::start(|_| 200).await;
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"{}/alert\"}}]", sink.url()),
    );
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let request = sink.requests().remove(0);
    assert_eq!(
        (&*request.line, request.header("content-type")),
        ("POST /alert HTTP/1.1", Some("application/json"))
    );
    let expected = serde_json::json!({
        "receiver": "ops\\.team",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "X", "instance": "a", "job": "api"},
                "annotations": {"runbook": "a", "summary": "5 < 6 & \"so\""},
                "startsAt": "2026-05-28T20:25:38.75Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://masthead/graph?g0.expr=up",
                "fingerprint": alert("X", "a", false).fingerprint().to_string(),
            },
            {
                "status": "resolved",
                "labels": {"alertname": "X", "instance": "b", "job": "api"},
                "annotations": {"runbook": "b", "summary": "5 < 6 & \"so\""},
                "startsAt": "2026-05-28T20:25:38.75Z",
                "endsAt": "2026-05-28T20:26:39Z",
                "generatorURL": "http://masthead/graph?g0.expr=up",
                "fingerprint": alert("X", "b", false).fingerprint().to_string(),
            },
        ],
        "notification_reason": "first notification",
        "groupLabels": {"alertname": "X"},
        "commonLabels": {"alertname": "X", "job": "api"},
        "commonAnnotations": {"summary": "5 < 6 & \"so\""},
        "routeLabels": {"page": "X!"},
        "externalURL": "http://masthead:9090",
        "version": "4",
        "groupKey": "{}:{alertname=\"X\"}",
        "truncatedAlerts": 0,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn a_long_list_is_cut_and_the_url_and_credentials_can_be_files_and_templates() {
    let sink = HttpSink::start(|_| 204).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("url"),
        format!("  {}/{{{{ .GroupLabels.alertname }}}}\n", sink.url()),
    )
    .unwrap();
    std::fs::write(dir.path().join("token"), "hush\n").unwrap();
    let mut config = config(
        "",
        "webhook_configs: [{url_file: url, max_alerts: 1, http_config: {authorization: {credentials_file: token}, http_headers: {X-Team: {values: [a]}}}}]",
    );
    config.base_dir = dir.path().to_owned();
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let request = sink.requests().remove(0);
    assert_eq!(request.line, "POST /X HTTP/1.1");
    assert_eq!(
        (request.header("authorization"), request.header("x-team")),
        (Some("Bearer hush"), Some("a"))
    );
    let message = request.json();
    assert_eq!(
        (
            message["alerts"].as_array().unwrap().len(),
            &message["truncatedAlerts"]
        ),
        (1, &1.into())
    );
}

#[tokio::test]
async fn basic_auth_is_sent() {
    let sink = HttpSink::start(|_| 200).await;
    let receiver = format!(
        "webhook_configs: [{{url: \"{}\", http_config: {{basic_auth: {{username: ann, password: p}}}}}}]",
        sink.url()
    );
    notifier(&config("", &receiver))
        .notify(&two_alerts().notice())
        .await
        .unwrap();
    assert_eq!(sink.requests()[0].header("authorization"), Some("Basic YW5uOnA="));
}

#[tokio::test]
async fn refusals_are_final_and_overload_is_not() {
    for (status, again) in [(400, false), (404, false), (429, true), (500, true), (503, true)] {
        let sink = HttpSink::start(move |_| status).await;
        let config = config("", &format!("webhook_configs: [{{url: \"{}\"}}]", sink.url()));
        let error = notifier(&config)
            .notify(&two_alerts().notice())
            .await
            .unwrap_err();
        assert_eq!(matches!(error, SendError::Retry(_)), again, "{status}: {error}");
        assert!(
            error
                .to_string()
                .contains(&format!("unexpected status code {status}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_worth_another_try_and_the_url_stays_secret() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"http://{address}/hush\"}}]"),
    );
    let error = notifier(&config)
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        matches!(error, SendError::Retry(_)) && !error.to_string().contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_webhook_that_hangs_ends_at_its_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"{url}\", timeout: 100ms}}]"),
    );
    let (hook, group) = (notifier(&config), two_alerts());
    let notice = group.notice();
    let sent = tokio::time::timeout(Duration::from_secs(10), hook.notify(&notice));
    let sent = sent.await.expect("the timeout holds");
    assert!(matches!(sent, Err(SendError::Retry(_))), "{sent:?}");
}
