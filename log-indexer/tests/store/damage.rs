//! Bytes that do not check out are skipped and told of; derived files are made anew.

use std::path::{Path, PathBuf};

use durable::MemoryFs;
use model::logs::{LogSink, LogStore};

use super::support::{HOUR_NS, all, everything, line, open_disk, open_memory, texts};

const LINES: &str = "/logs/days/2026-11-21/lines";

/// Twenty lines in one stream, in blocks of a few lines each.
fn filled(fs: &MemoryFs) {
    let (logs, _) = open_memory(fs);
    let lines: Vec<_> = (0..20)
        .map(|i| line("a", i * HOUR_NS / 2, &format!("line number {i} of a stream")))
        .collect();
    logs.append(&lines).unwrap();
    logs.flush().unwrap();
    assert!(logs.stats().unwrap().blocks > 2);
}

#[test]
fn a_corrupt_block_is_skipped_and_told_of() {
    let fs = MemoryFs::new();
    filled(&fs);
    let (logs, report) = open_memory(&fs);
    assert!(report.damage.is_empty());
    fs.flip_bit(Path::new(LINES), (8 + 9 + 40) * 8).unwrap();
    let left = all(&logs);
    assert!(!left.is_empty() && left.len() < 20, "{} lines", left.len());
    assert_eq!(logs.stats().unwrap().corrupt_blocks_total, 1);
    assert!(logs.damage()[0].contains("block at byte 8 of 2026-11-21: checksum does not match"));

    // A restart that indexes the file once more finds its way behind the damage.
    drop(logs);
    let (logs, report) = open_memory(&fs);
    assert!(
        report.damage[0].contains("lines: checksum does not match at byte 8"),
        "{:?}",
        report.damage
    );
    assert_eq!(all(&logs), left);
}

#[test]
fn a_corrupt_length_does_not_hide_the_blocks_behind_it() {
    let fs = MemoryFs::new();
    filled(&fs);
    fs.flip_bit(Path::new(LINES), 8 * 8 + 20).unwrap();
    let (logs, report) = open_memory(&fs);
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert!(all(&logs).len() > 10);
}

#[test]
fn no_flipped_bit_of_the_lines_panics_or_invents() {
    let fs = MemoryFs::new();
    filled(&fs);
    let whole: Vec<String> = texts(&open_memory(&fs).0, &everything());
    for bit in (0..4000).step_by(97) {
        let Ok(()) = fs.flip_bit(Path::new(LINES), bit) else {
            break;
        };
        let left = texts(&open_memory(&fs).0, &everything());
        assert!(left.iter().all(|l| whole.contains(l)), "bit {bit}");
        fs.flip_bit(Path::new(LINES), bit).unwrap();
    }
}

#[test]
fn a_lost_manifest_neither_loses_nor_doubles() {
    let fs = MemoryFs::new();
    filled(&fs);
    let (logs, _) = open_memory(&fs);
    logs.append(&[line("b", 5, "only in the log")]).unwrap();
    let before = all(&logs);
    drop(logs);
    fs.flip_bit(Path::new("/logs/manifest"), 100).unwrap();
    let (logs, report) = open_memory(&fs);
    assert!(
        report.damage[0].contains("manifest: does not check out"),
        "{:?}",
        report.damage
    );
    assert_eq!(all(&logs), before);
    drop(logs);
    let (logs, report) = open_memory(&fs);
    assert_eq!(report.damage, [""; 0]);
    assert_eq!(all(&logs), before);
    logs.append(&[line("b", 6, "next")]).unwrap();
    logs.flush().unwrap();
    assert_eq!(all(&logs).len(), before.len() + 1);
}

fn day(dir: &Path) -> PathBuf {
    dir.join("days/2026-11-21")
}

fn filled_on_disk(dir: &Path) -> Vec<model::logs::LogRecord> {
    let (logs, _) = open_disk(dir);
    let lines: Vec<_> = (0..9).map(|i| line("a", i, &format!("needle{i}"))).collect();
    logs.append(&lines).unwrap();
    logs.flush().unwrap();
    logs.append(&[line("a", 100, "after")]).unwrap();
    logs.flush().unwrap();
    all(&logs)
}

#[test]
fn a_missing_index_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let before = filled_on_disk(dir.path());
    std::fs::remove_dir_all(day(dir.path()).join("index")).unwrap();
    let (logs, _) = open_disk(dir.path());
    assert_eq!(all(&logs), before);
    assert_eq!(logs.stats().unwrap().days, 1);
}

#[test]
fn a_broken_index_is_made_anew() {
    for victim in ["meta.json", ".fast", ".term", ".idx"] {
        let dir = tempfile::tempdir().unwrap();
        let before = filled_on_disk(dir.path());
        let mut broken = 0;
        for entry in std::fs::read_dir(day(dir.path()).join("index")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(victim) {
                std::fs::write(&path, b"broken").unwrap();
                broken += 1;
            }
        }
        assert!(broken > 0, "no file {victim} to break");
        let (logs, report) = open_disk(dir.path());
        assert!(!report.damage.is_empty(), "{victim}");
        assert_eq!(all(&logs), before, "{victim}");
        let needle = model::logs::LogQuery {
            text: Some("needle3".to_owned()),
            ..everything()
        };
        assert_eq!(logs.query(&needle).unwrap().len(), 1, "{victim}");
    }
}

#[test]
fn an_index_that_is_behind_or_ahead_of_the_lines_is_brought_in_step() {
    let dir = tempfile::tempdir().unwrap();
    let old = tempfile::tempdir().unwrap();
    let (logs, _) = open_disk(dir.path());
    logs.append(&[line("a", 1, "one")]).unwrap();
    logs.flush().unwrap();
    copy(&day(dir.path()), old.path());
    let old_manifest = std::fs::read(dir.path().join("manifest")).unwrap();
    logs.append(&[line("a", 2, "two")]).unwrap();
    logs.flush().unwrap();
    drop(logs);
    // Behind: as after a crash between the manifest and the index's commit.
    let index = day(dir.path()).join("index");
    let newer = tempfile::tempdir().unwrap();
    copy(&index, newer.path());
    std::fs::remove_dir_all(&index).unwrap();
    copy(&old.path().join("index"), &index);
    assert_eq!(texts(&open_disk(dir.path()).0, &everything()), ["one", "two"]);
    // Ahead: as with an older manifest put back from a backup.
    std::fs::remove_dir_all(&index).unwrap();
    copy(newer.path(), &index);
    std::fs::write(dir.path().join("manifest"), old_manifest).unwrap();
    assert_eq!(texts(&open_disk(dir.path()).0, &everything()), ["one"]);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn lines_missing_at_the_end_of_a_file_do_not_stop_the_store() {
    let dir = tempfile::tempdir().unwrap();
    filled_on_disk(dir.path());
    let lines = day(dir.path()).join("lines");
    let len = std::fs::metadata(&lines).unwrap().len();
    std::fs::File::options()
        .write(true)
        .open(&lines)
        .unwrap()
        .set_len(len - 3)
        .unwrap();
    let (logs, report) = open_disk(dir.path());
    assert!(
        report.damage[0].contains("3 bytes are missing"),
        "{:?}",
        report.damage
    );
    assert_eq!(all(&logs).len(), 9);
    logs.append(&[line("a", 200, "again")]).unwrap();
    logs.flush().unwrap();
    assert_eq!(all(&logs).len(), 10);
    drop(logs);
    std::fs::remove_file(&lines).unwrap();
    let (logs, report) = open_disk(dir.path());
    assert!(
        report.damage[0].contains("the lines of this day are lost"),
        "{:?}",
        report.damage
    );
    logs.append(&[line("a", 300, "on it goes")]).unwrap();
    logs.flush().unwrap();
    assert_eq!(all(&logs).len(), 1);
}
