//! A small instrumented shop: two services in one process, `shop` and `payment`, joined by HTTP.
//!
//! Every checkout makes one trace across both services (the context travels in the `traceparent` header), a receipt
//! sent after the answer that points back by a link, log lines that carry the trace's id, and metrics; all go out
//! by OTLP over HTTP, to http://localhost:4318 or where `OTEL_EXPORTER_OTLP_ENDPOINT` says. One checkout in ten is
//! declined. The demo shops by itself, twice a second:
//!
//! `cargo run -p demo-service -- [ADDRESS] [CHECKOUTS]`, by default 127.0.0.1:8081 and without end.

mod telemetry;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use telemetry::{Carrier, Telemetry};

struct Shop {
    shop: Telemetry,
    payment: Telemetry,
    client: reqwest::Client,
    address: String,
}

/// Takes an order: asks `payment` for the money, then sends a receipt without making the customer wait.
async fn checkout(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> (StatusCode, String) {
    let started = Instant::now();
    let parent = TraceContextPropagator::new().extract(&Carrier(headers));
    let tracer = &shop.shop.tracer;
    let span = tracer
        .span_builder("checkout")
        .with_kind(SpanKind::Server)
        .start_with_context(tracer, &parent);
    let context = parent.with_span(span);
    shop.shop.log(&context, "INFO", "checkout started");

    let paid = charge(&shop, &context).await;
    let (status, text) = match paid {
        Ok(()) => (StatusCode::OK, "paid\n".to_owned()),
        Err(why) => {
            shop.shop
                .log(&context, "ERROR", &format!("checkout failed: {why}"));
            context.span().set_status(Status::error(why.clone()));
            (StatusCode::PAYMENT_REQUIRED, format!("{why}\n"))
        }
    };
    shop.shop
        .requests
        .add(1, &[KeyValue::new("status", i64::from(status.as_u16()))]);
    shop.shop.duration.record(started.elapsed().as_secs_f64(), &[]);
    context.span().end();
    receipt(&shop, &context);
    (status, text)
}

/// The call from `shop` to `payment`.
async fn charge(shop: &Shop, parent: &Context) -> Result<(), String> {
    let tracer = &shop.shop.tracer;
    let span = tracer
        .span_builder("POST /charge")
        .with_kind(SpanKind::Client)
        .start_with_context(tracer, parent);
    let context = parent.with_span(span);
    let mut carrier = Carrier::default();
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    let url = format!("http://{}/charge", shop.address);
    let answer = shop
        .client
        .post(url)
        .headers(carrier.0)
        .send()
        .await
        .map_err(|e| e.to_string())?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(answer.text().await.unwrap_or_default())
    }
}

/// `payment`: declines one charge in ten.
async fn pay(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> (StatusCode, &'static str) {
    let started = Instant::now();
    let parent = TraceContextPropagator::new().extract(&Carrier(headers));
    let tracer = &shop.payment.tracer;
    let span = tracer
        .span_builder("charge")
        .with_kind(SpanKind::Server)
        .start_with_context(tracer, &parent);
    let context = parent.with_span(span);
    let draw = context.span().span_context().span_id().to_bytes()[7] % 10;
    tokio::time::sleep(Duration::from_millis(5 + u64::from(draw) * 3)).await;
    let declined = draw == 0;
    if declined {
        context.span().add_event(
            "card declined",
            vec![KeyValue::new("reason", "insufficient funds")],
        );
        context.span().set_status(Status::error("card declined"));
        shop.payment
            .log(&context, "WARN", "card declined: insufficient funds");
    } else {
        shop.payment.log(&context, "INFO", "card charged");
    }
    let status = if declined {
        StatusCode::PAYMENT_REQUIRED
    } else {
        StatusCode::OK
    };
    shop.payment
        .requests
        .add(1, &[KeyValue::new("status", i64::from(status.as_u16()))]);
    shop.payment.duration.record(started.elapsed().as_secs_f64(), &[]);
    (status, if declined { "card declined" } else { "" })
}

/// Caused by the checkout, which does not wait for it: a trace of its own with a link back.
fn receipt(shop: &Shop, cause: &Context) {
    let tracer = &shop.shop.tracer;
    let link = Link::with_context(cause.span().span_context().clone());
    let span = tracer
        .span_builder("send receipt")
        .with_kind(SpanKind::Producer)
        .with_links(vec![link]);
    let context = Context::new().with_span(span.start_with_context(tracer, &Context::new()));
    shop.shop.log(&context, "INFO", "receipt sent");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    let checkouts = args.next().map_or(Ok(u64::MAX), |n| n.parse())?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a TLS provider is installed already")?;

    let listener = tokio::net::TcpListener::bind(&address).await?;
    let shop = Arc::new(Shop {
        shop: Telemetry::start("shop").await?,
        payment: Telemetry::start("payment").await?,
        client: reqwest::Client::new(),
        address: listener.local_addr()?.to_string(),
    });
    println!("the shop is open on http://{}/checkout", shop.address);
    let app = axum::Router::new()
        .route("/checkout", get(checkout))
        .route("/charge", post(pay))
        .with_state(Arc::clone(&shop));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let url = format!("http://{}/checkout", shop.address);
    let shopping = async {
        for _ in 0..checkouts {
            let _ = shop.client.get(&url).send().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = shopping => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    let closing = Arc::clone(&shop);
    // Flushing waits for the exporter's own threads, so not on a runtime's thread.
    tokio::task::spawn_blocking(move || {
        closing.shop.shutdown();
        closing.payment.shutdown();
    })
    .await?;
    Ok(())
}
