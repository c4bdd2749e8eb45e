//! The mail itself: headers, text and HTML (RFC 5322, RFC 2045 and following). A function of the notice.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lettre::address::{Address, Envelope};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailboxes, MultiPart, SinglePart};
use xxhash_rust::xxh3::xxh3_64;

use super::super::templates::Templates;
use super::super::{Message, Notice};
use crate::config::{EmailConfig, ThreadBy};
use crate::template::{Mode, Value, format_time};

/// Builds the mail.
pub(super) fn build(
    config: &EmailConfig,
    templates: &Templates,
    data: &Arc<Message>,
    notice: &Notice<'_>,
    now_ms: i64,
) -> Result<lettre::Message, String> {
    let field = |name: &str, text: &str, mode| {
        templates
            .render(text, mode, data)
            .map_err(|e| format!("execute '{name}' template: {e}"))
    };
    let from = addresses("from", &field("from", &config.from, Mode::Text)?)?;
    let to = addresses("to", &field("to", &config.to, Mode::Text)?)?;
    let [sender] = <[Address; 1]>::try_from(from)
        .map_err(|from| format!("must be exactly one 'from' address (got: {})", from.len()))?;
    let mut headers = vec![("Message-Id".to_owned(), message_id(&sender, now_ms))];
    headers.extend(thread_headers(config, notice, now_ms));
    for (name, text) in &config.headers {
        let value = field(&format!("{name} header"), text, Mode::Text)?;
        // What follows a line break would be a header of its own.
        let value = value
            .split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>();
        headers.retain(|(known, _)| known != name);
        headers.push((name.clone(), value.join(" ")));
    }
    let envelope = Envelope::new(Some(sender), to).map_err(|e| e.to_string())?;
    let date = UNIX_EPOCH + Duration::from_millis(now_ms.max(0).unsigned_abs());
    let mut mail = lettre::Message::builder().envelope(envelope).date(date);
    for (name, value) in headers {
        let known =
            HeaderName::new_from_ascii(name.clone()).map_err(|_| format!("invalid header name {name}"))?;
        mail = mail.raw_header(HeaderValue::new(known, value));
    }
    let mut body = MultiPart::alternative().build();
    if !config.text.is_empty() {
        body = body.singlepart(SinglePart::plain(field("text", &config.text, Mode::Text)?));
    }
    if !config.html.is_empty() {
        // The preferred alternative comes last (RFC 2046, 5.1.4).
        body = body.singlepart(SinglePart::html(field("html", &config.html, Mode::Html)?));
    }
    mail.multipart(body).map_err(|e| e.to_string())
}

fn addresses(field: &str, text: &str) -> Result<Vec<Address>, String> {
    let parsed: Mailboxes = text
        .trim()
        .parse()
        .map_err(|e| format!("parse '{field}' addresses: {e}"))?;
    let all: Vec<Address> = parsed.into_iter().map(|mailbox| mailbox.email).collect();
    if all.is_empty() {
        Err(format!("no '{field}' address"))
    } else {
        Ok(all)
    }
}

fn message_id(sender: &Address, now_ms: i64) -> String {
    format!(
        "<{now_ms}.{:016x}@{}>",
        RandomState::new().hash_one(0_u8),
        sender.domain()
    )
}

/// All mails about a group answer a mail that never was, which is how mail readers are made to show them as one
/// thread.
fn thread_headers(config: &EmailConfig, notice: &Notice<'_>, now_ms: i64) -> Vec<(String, String)> {
    if !config.threading.enabled {
        return Vec::new();
    }
    let day = match (config.threading.thread_by_date, Value::time_ms(now_ms)) {
        (ThreadBy::Daily, Value::Time(now)) => format_time(&now, "2006-01-02"),
        _ => String::new(),
    };
    let root = format!(
        "<alert-{:016x}-{day}@masthead>",
        xxh3_64(notice.group_key.as_bytes())
    );
    vec![
        ("References".to_owned(), root.clone()),
        ("In-Reply-To".to_owned(), root),
    ]
}
