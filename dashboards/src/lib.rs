//! The console's files, built from `console/` and carried within the binary.
//!
//! Knows nothing of HTTP: the API asks for a path and serves what it gets.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/console"]
struct Console;

/// One file of the console.
pub struct Asset {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// The same bytes as gzip.
    pub gzip: Option<Cow<'static, [u8]>>,
    /// Its media type.
    pub content_type: &'static str,
    /// A hash of its content, as hex digits.
    pub etag: String,
    /// Whether its name changes with its content, so that browsers may keep it for ever.
    pub immutable: bool,
}

/// The file at `path` ("index.html", "assets/…"), if there is one.
pub fn asset(path: &str) -> Option<Asset> {
    let file = Console::get(path)?;
    let hash = file.metadata.sha256_hash();
    Some(Asset {
        bytes: file.data,
        gzip: Console::get(&format!("{path}.gz")).map(|gz| gz.data),
        content_type: content_type(path),
        etag: hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        immutable: path.starts_with("assets/"),
    })
}

/// Whether the console was built in, or only the page that says how to get it.
pub fn has_console() -> bool {
    Console::iter().any(|path| path.starts_with("assets/"))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_page() {
        let page = asset("index.html").expect("the build script writes one");
        assert!(page.content_type.starts_with("text/html") && page.gzip.is_some() && !page.immutable);
        assert!(asset("nothing.html").is_none());
    }

    #[test]
    fn a_built_console_brings_what_its_page_names() {
        if !has_console() {
            use std::io::Write as _;
            // Unlike eprintln, this shows for tests that pass too.
            let _ = writeln!(std::io::stderr(), "SKIPPED: built without the console");
            return;
        }
        let page = asset("index.html").expect("there is a page");
        let text = String::from_utf8_lossy(&page.bytes);
        let named = text
            .split('"')
            .find_map(|piece| piece.strip_prefix('/').filter(|p| p.ends_with(".js")));
        assert!(asset(named.expect("the page loads a script")).is_some_and(|script| script.immutable));
    }
}
