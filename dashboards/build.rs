//! Builds the console with npm into the build folder, and compresses what it made.
//!
//! Without npm, or where its registry cannot be reached, the binary builds all the same: its page then says how to
//! get the console. Set `MASTHEAD_SKIP_CONSOLE=1` to leave npm alone.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What decides the console's content; a change of any of these builds it again.
const SOURCES: &[&str] = &[
    "console/src",
    "console/index.html",
    "console/package-lock.json",
    "console/vite.config.ts",
    "console/tsconfig.json",
];

const WITHOUT_CONSOLE: &str = "<!doctype html><meta charset=utf-8><title>Masthead</title>\
<body style=\"font:16px/1.5 system-ui;max-width:40em;margin:4em auto\"><h1>Masthead runs</h1>\
<p>This binary was built without its console, because Node.js was not there. Install Node.js 20.19 or newer with npm \
and build again: <code>cargo build --release</code>.</p><p>Everything else works: <a href=/metrics>/metrics</a>, \
<a href=/api/v1/targets>/api/v1/targets</a>, <a href=/api/v1/rules>/api/v1/rules</a>, or Grafana with this address as a \
Prometheus data source.</p>";

fn main() -> Result<()> {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed=MASTHEAD_SKIP_CONSOLE");
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("console");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    if let Err(why) = build_console(&out) {
        println!("cargo::warning=built without the console: {why}");
        fs::write(out.join("index.html"), WITHOUT_CONSOLE)?;
    }
    compress(&out)
}

/// Copies the sources beside the output, so that builds into several target folders never share a node_modules.
fn build_console(out: &Path) -> Result<()> {
    if std::env::var_os("MASTHEAD_SKIP_CONSOLE").is_some() {
        return Err("MASTHEAD_SKIP_CONSOLE is set".into());
    }
    let work = out.with_file_name("console-build");
    fs::create_dir_all(&work)?;
    let fresh_lock = fs::read("console/package-lock.json")?;
    let lock = work.join("package-lock.json");
    let same_packages =
        fs::read(&lock).is_ok_and(|old| old == fresh_lock) && work.join("node_modules").exists();
    if work.join("src").exists() {
        fs::remove_dir_all(work.join("src"))?;
    }
    copy(Path::new("console"), &work)?;
    if !same_packages {
        npm(&work, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
    }
    let out = out.display().to_string();
    npm(
        &work,
        &[
            "run",
            "build",
            "--",
            "--outDir",
            &out,
            "--emptyOutDir",
            "--logLevel",
            "warn",
        ],
    )
}

fn npm(dir: &Path, args: &[&str]) -> Result<()> {
    let output = Command::new("npm")
        .args(args)
        .current_dir(dir)
        .output()
        .map_err(|e| format!("npm: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no message")
        .to_owned();
    Err(format!("npm {}: {last}", args.first().unwrap_or(&"")).into())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "node_modules" || name == "dist" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// Lays a `.gz` beside every file, so that serving costs nothing.
fn compress(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            compress(&path)?;
            continue;
        }
        let mut name = path.clone().into_os_string();
        name.push(".gz");
        let mut gz = flate2::write::GzEncoder::new(fs::File::create(name)?, flate2::Compression::best());
        gz.write_all(&fs::read(&path)?)?;
        gz.finish()?;
    }
    Ok(())
}
