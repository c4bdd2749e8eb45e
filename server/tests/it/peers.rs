//! Those with whom the server deals, in the test's own process: a target to scrape, a consumer of webhooks, a mail
//! server. Each listens on a free port of 127.0.0.1 until the test ends, and writes down what it was asked.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Serves `app`; gives `127.0.0.1:PORT`.
pub(crate) async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// A lock that a failed test may have poisoned; what it guards is whole all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How a target answers.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    /// A page in the text format.
    Text(String),
    /// `scraped_total`, one higher at every scrape.
    Counting,
    /// A status and nothing else.
    Status(u16),
    /// A page without a content type.
    Untyped(String),
    /// No answer at all.
    Silence,
}

/// A target: `/metrics` as the test wants it.
pub(crate) struct Target {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    state: Arc<TargetState>,
}

struct TargetState {
    page: Mutex<Page>,
    scrapes: AtomicU64,
}

impl Target {
    /// A target that answers with `page` from now on.
    pub(crate) async fn start(page: Page) -> Target {
        let state = Arc::new(TargetState {
            page: Mutex::new(page),
            scrapes: AtomicU64::new(0),
        });
        let address = serve(Router::new().fallback(answer).with_state(Arc::clone(&state))).await;
        Target { address, state }
    }

    /// A target with these lines on its page.
    pub(crate) async fn text(lines: &str) -> Target {
        Target::start(Page::Text(lines.to_owned())).await
    }

    /// Answers like this from now on.
    pub(crate) fn set(&self, page: Page) {
        *lock(&self.state.page) = page;
    }

    /// How often it was asked.
    pub(crate) fn scrapes(&self) -> u64 {
        self.state.scrapes.load(Ordering::SeqCst)
    }
}

async fn answer(State(state): State<Arc<TargetState>>) -> Response {
    let number = state.scrapes.fetch_add(1, Ordering::SeqCst);
    let page = lock(&state.page).clone();
    let typed = |text: String| ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response();
    match page {
        Page::Text(text) => typed(text),
        Page::Counting => typed(format!("# TYPE scraped_total counter\nscraped_total {number}\n")),
        Page::Status(code) => StatusCode::from_u16(code).expect("a status").into_response(),
        Page::Untyped(text) => Response::new(text.into()),
        Page::Silence => std::future::pending().await,
    }
}

/// A message that a webhook was sent.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// The path it was sent to.
    pub(crate) path: String,
    /// The `Content-Type` header.
    pub(crate) content_type: String,
    /// The JSON.
    pub(crate) body: Value,
}

/// A consumer of webhooks that takes everything.
pub(crate) struct Webhook {
    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Webhook {
    /// Begins to listen.
    pub(crate) async fn start() -> Webhook {
        let deliveries = Arc::<Mutex<Vec<Delivery>>>::default();
        let app = Router::new()
            .fallback(deliver)
            .with_state(Arc::clone(&deliveries));
        let url = format!("http://{}", serve(app).await);
        Webhook { url, deliveries }
    }

    /// What came so far of the alert of that name, in order.
    pub(crate) fn of(&self, alert: &str) -> Vec<Delivery> {
        let named = |d: &&Delivery| d.body["commonLabels"]["alertname"] == alert;
        lock(&self.deliveries).iter().filter(named).cloned().collect()
    }
}

async fn deliver(
    State(deliveries): State<Arc<Mutex<Vec<Delivery>>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let Ok(body) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    lock(&deliveries).push(Delivery {
        path: uri.path().to_owned(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body,
    });
    StatusCode::OK
}

/// A mail that was taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    /// The envelope's sender, as the client wrote it.
    pub(crate) from: String,
    /// The envelope's recipients.
    pub(crate) to: Vec<String>,
    /// Headers and body.
    pub(crate) text: String,
}

impl Mail {
    /// The value of a header, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let value = |line: &str| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        unfolded.split("\r\n").find_map(value)
    }
}

/// A mail server without TLS and logins (RFC 5321).
pub(crate) struct Mailbox {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Mailbox {
    /// Begins to listen.
    pub(crate) async fn start() -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let mails = Arc::<Mutex<Vec<Mail>>>::default();
        let taken = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let taken = Arc::clone(&taken);
                // A client that goes away in the middle has sent no mail.
                tokio::spawn(async move { converse(stream, &taken).await.unwrap_or_default() });
            }
        });
        Mailbox { address, mails }
    }

    /// What came so far with `word` in its subject, in order.
    pub(crate) fn about(&self, word: &str) -> Vec<Mail> {
        let about = |mail: &&Mail| {
            mail.header("Subject")
                .is_some_and(|subject| subject.contains(word))
        };
        lock(&self.mails).iter().filter(about).cloned().collect()
    }
}

async fn converse(stream: TcpStream, taken: &Mutex<Vec<Mail>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    stream.write_all(b"220 mailbox ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let upper = line.to_ascii_uppercase();
        let answer: &[u8] = match upper.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => b"250-mailbox\r\n250 8BITMIME\r\n",
            "HELO" | "RSET" | "NOOP" => b"250 fine\r\n",
            "MAIL" => {
                mail = Mail {
                    from: line.to_owned(),
                    ..Mail::default()
                };
                b"250 sender taken\r\n"
            }
            "RCPT" => {
                mail.to.push(line.to_owned());
                b"250 recipient taken\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                mail.text = read_mail(&mut stream).await?;
                lock(taken).push(std::mem::take(&mut mail));
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => b"502 not known here\r\n",
        };
        stream.write_all(answer).await?;
    }
}

async fn read_mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
