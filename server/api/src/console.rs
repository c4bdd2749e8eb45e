//! The console's files. Every path of the console itself answers its page; the address bar is its state.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// The pages that the console draws by itself. `/graph` is where Prometheus' links point.
const PAGES: &[&str] = &[
    "/query",
    "/graph",
    "/traces",
    "/trace/{id}",
    "/logs",
    "/alerts",
    "/targets",
];

/// The routes.
pub fn routes() -> Router {
    let mut router = Router::new()
        .route("/", get(|| async { Redirect::temporary("/query") }))
        .route("/assets/{*path}", get(asset));
    for path in PAGES {
        router = router.route(path, get(page));
    }
    router
}

async fn page(headers: HeaderMap) -> Response {
    serve("index.html", &headers)
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    serve(&format!("assets/{path}"), &headers)
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = dashboards::asset(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let has = |name, part: &str| {
        headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok())
            .is_some_and(|v| v.contains(part))
    };
    let cache = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let shared = [
        (header::ETAG, format!("\"{}\"", asset.etag)),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::CONTENT_TYPE, asset.content_type.to_owned()),
        (header::VARY, "Accept-Encoding".to_owned()),
    ];
    if has(header::IF_NONE_MATCH, &asset.etag) {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    match asset.gzip.filter(|_| has(header::ACCEPT_ENCODING, "gzip")) {
        Some(gzip) => (shared, [(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        None => (shared, asset.bytes).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str, name: &str, value: &str) -> Response {
        let request = Request::get(path)
            .header(name, value)
            .body(Body::empty())
            .expect("a request");
        routes().oneshot(request).await.expect("infallible")
    }

    #[tokio::test]
    async fn every_page_answers_the_console_and_is_revalidated() {
        for path in [
            "/query",
            "/graph?g0.expr=up",
            "/trace/0af7651916cd43dd8448eb211c80319c",
        ] {
            let response = get(path, "accept-encoding", "gzip").await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()["content-encoding"], "gzip");
            let etag = response.headers()["etag"].to_str().expect("text").to_owned();
            assert_eq!(
                get(path, "if-none-match", &etag).await.status(),
                StatusCode::NOT_MODIFIED
            );
        }
        assert_eq!(
            get("/assets/nothing.js", "accept", "*/*").await.status(),
            StatusCode::NOT_FOUND
        );
    }
}
