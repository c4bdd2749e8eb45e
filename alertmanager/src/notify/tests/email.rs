use super::smtp_sink::SmtpSink;
use super::*;

fn email(sink: &SmtpSink, global: &str, fields: &str) -> Config {
    let global = format!(
        "smtp_smarthost: '{}', smtp_from: 'Masthead <m@example.org>', {global}",
        sink.address()
    );
    config(
        &global,
        &format!("email_configs: [{{to: 'a@example.org, Bé <b@example.org>', {fields}}}]"),
    )
}

#[tokio::test]
async fn a_mail_has_headers_text_and_html() {
    let sink = SmtpSink::start(false).await;
    let fields = "text: '{{ range .Alerts }}{{ .Labels.instance }}={{ .Status }} {{ end }}', headers: {X-Team: '{{ .CommonLabels.job }}'}, threading: {enabled: true}";
    let config = email(
        &sink,
        "smtp_require_tls: false, smtp_hello: me.example.org",
        fields,
    );
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let session = sink.session().await;
    assert_eq!(session.commands[0], "EHLO me.example.org");
    assert_eq!(
        session.commands[1..4],
        [
            "MAIL FROM:<m@example.org>",
            "RCPT TO:<a@example.org>",
            "RCPT TO:<b@example.org>",
        ]
    );
    let mail = &session.mail;
    for expected in [
        "Subject: [FIRING:1] X (api)\r\n",
        "From: Masthead <m@example.org>\r\n",
        "X-Team: api\r\n",
        "Date: Thu, 28 May 2026 20:26:40 +0000\r\n",
        "Message-Id: <1780000000000.",
        "References: <alert-",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "a=firing b=resolved ",
        "Content-Type: text/html; charset=utf-8\r\n",
        "1 firing, 1 resolved",
        "5 &lt; 6 &amp;",
    ] {
        assert!(mail.contains(expected), "expected {expected:?} in\n{mail}");
    }
    assert!(
        mail.contains("To: a@example.org, =?utf-8?b?"),
        "the name is encoded\n{mail}"
    );
    assert!(mail.find("text/plain").unwrap() < mail.find("text/html").unwrap());
}

#[tokio::test]
async fn a_mail_server_that_asks_who_it_is_gets_an_answer() {
    let sink = SmtpSink::start(true).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pw"), "hush\n").unwrap();
    let mut config = email(
        &sink,
        "smtp_require_tls: false, smtp_auth_username: robot, smtp_auth_password_file: pw",
        "",
    );
    config.base_dir = dir.path().to_owned();
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    // "\0robot\0hush" in base 64.
    assert_eq!(sink.session().await.commands[1], "AUTH PLAIN AHJvYm90AGh1c2g=");
}

#[tokio::test]
async fn a_wrong_password_is_final_and_missing_tls_an_error() {
    let sink = SmtpSink::start(true).await;
    let global = "smtp_require_tls: false, smtp_auth_username: robot, smtp_auth_password: wrong";
    let error = notifier(&email(&sink, global, ""))
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::GiveUp(words) if words.contains("535")),
        "{error}"
    );
    let sink = SmtpSink::start(false).await;
    let error = notifier(&email(&sink, "", ""))
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        !sink
            .session()
            .await
            .commands
            .iter()
            .any(|c| c.starts_with("MAIL")),
        "{error}"
    );
}

#[tokio::test]
async fn a_subject_cannot_smuggle_a_header() {
    let sink = SmtpSink::start(false).await;
    let fields = "headers: {Subject: \"a\\r\\nBcc: x@example.org\\n\"}";
    notifier(&email(&sink, "smtp_require_tls: false", fields))
        .notify(&two_alerts().notice())
        .await
        .unwrap();
    let mail = sink.session().await.mail;
    assert!(mail.contains("Subject: a Bcc: x@example.org\r\n"), "{mail}");
}
