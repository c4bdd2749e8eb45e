//! Programs of other people that tests talk to: installed into the build's folder by their own package managers, or
//! left out loudly where that is not possible.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tokio::sync::Mutex;

/// One installation at a time: tests share the folders.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// `scripts/` of the repository.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts")
}

/// Says on standard error that a test did not run, and why.
pub(crate) fn skip(test: &str, why: &str) {
    use std::io::Write as _;
    // Unlike eprintln, this shows for tests that pass too.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: {why}");
}

/// Runs a program to its end on a thread of its own.
pub(crate) async fn run(mut command: Command) -> std::io::Result<Output> {
    // What runs here talks to this machine alone.
    command
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("no_proxy", "127.0.0.1,localhost");
    let running = tokio::task::spawn_blocking(move || command.output());
    running.await.expect("a program was waited for")
}

/// Runs a program that has to succeed; what it wrote to standard output.
pub(crate) async fn output(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = run(command).await.unwrap_or_else(|e| panic!("{shown}: {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: {}\n{said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The Python of a virtual environment with what `scripts/<folder>/requirements.txt` names.
///
/// # Errors
/// Why there is none on this machine.
pub(crate) async fn python(folder: &str) -> Result<PathBuf, String> {
    let wanted = scripts().join(folder).join("requirements.txt");
    let venv = tools_dir().join(format!("venv-{folder}"));
    let python = venv.join("bin/python");
    install(&venv, &[&wanted], async {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        succeed(make).await?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&wanted);
        succeed(pip).await
    })
    .await?;
    Ok(python)
}

/// A copy of `scripts/<folder>` with the packages that its `package.json` names.
///
/// # Errors
/// Why there is none on this machine.
pub(crate) async fn node(folder: &str) -> Result<PathBuf, String> {
    let source = scripts().join(folder);
    let copy = tools_dir().join(format!("npm-{folder}"));
    let files = ["package.json", "push.js"].map(|name| source.join(name));
    install(&copy, &[&files[0], &files[1]], async {
        fs::create_dir_all(&copy).map_err(|e| e.to_string())?;
        for file in &files {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, copy.join(name)).map_err(|e| e.to_string())?;
        }
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-package-lock",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]);
        npm.current_dir(&copy);
        succeed(npm).await
    })
    .await?;
    Ok(copy)
}

fn tools_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs `steps` unless `dir` was made from the same `sources` before.
async fn install(
    dir: &Path,
    sources: &[&PathBuf],
    steps: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    let _one_at_a_time = INSTALLING.lock().await;
    let mut wanted = Vec::new();
    for source in sources {
        let bytes = fs::read(source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        wanted.extend(bytes);
    }
    let marker = dir.join("installed-from");
    if fs::read(&marker).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    steps.await?;
    fs::write(&marker, wanted).map_err(|e| format!("{}: {e}", marker.display()))
}

async fn succeed(command: Command) -> Result<(), String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = run(command).await.map_err(|e| format!("{shown}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!("{shown}: {}", last.unwrap_or("no message")))
}
