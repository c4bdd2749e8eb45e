use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::logs::{LogAppendReport, LogRecord, LogSink, RejectedLine};
use model::{ManualClock, StoreError};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::round::Round;
use super::*;

/// Keeps what it gets, or refuses: all of it, or the lines that say `bad` for the reason set.
#[derive(Default)]
struct Memory {
    records: Mutex<Vec<LogRecord>>,
    refuse: AtomicBool,
    bad: Mutex<Option<RejectedLine>>,
}

impl LogSink for Memory {
    fn append(&self, records: &[LogRecord]) -> Result<LogAppendReport, StoreError> {
        if self.refuse.load(Ordering::SeqCst) {
            return Err(StoreError::ReadOnly("disk full".into()));
        }
        let mut report = LogAppendReport::default();
        for (index, record) in records.iter().enumerate() {
            match *self.bad.lock() {
                Some(why) if record.line == "bad" => report.rejected.push((index, why)),
                _ => self.records.lock().push(record.clone()),
            }
        }
        report.stored = records.len() - report.rejected.len();
        Ok(report)
    }
}

/// A folder with logs, a sink and a clock; rounds are run by hand.
struct Bench {
    folder: tempfile::TempDir,
    sink: Arc<Memory>,
    clock: Arc<ManualClock>,
    config: LogsConfig,
}

impl Bench {
    fn new(more: &str) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let text = format!("files: [{{paths: ['{path}/*.log'], labels: {{app: shop}}{more}}}]");
        Bench {
            config: yaml::from_str(&text).unwrap(),
            folder,
            sink: Arc::default(),
            clock: Arc::new(ManualClock::at(1_000_000)),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    fn start(&self) -> Round {
        let sink: Arc<dyn LogSink> = self.sink.clone();
        Round::new(
            &self.config,
            self.path("positions.json"),
            sink,
            self.clock.clone(),
        )
        .unwrap()
    }

    /// What has arrived since the last call.
    fn lines(&self) -> Vec<String> {
        self.sink
            .records
            .lock()
            .drain(..)
            .map(|record| record.line)
            .collect()
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn appended_lines_arrive_with_their_labels() {
    let bench = Bench::new("");
    let mut round = bench.start();
    bench.write("a.log", "one\nlevel=error two\nthr");
    round.run();
    let records = bench.sink.records.lock().clone();
    assert_eq!(records.len(), 2);
    let path = bench.path("a.log");
    assert_eq!(
        records[0].stream.to_string(),
        format!(
            r#"{{app="shop", filename="{}", service_name="shop"}}"#,
            path.display()
        )
    );
    assert_eq!(records[0].timestamp_ns, 1_000_000_000_000);
    assert_eq!(records[1].metadata.get("detected_level"), Some("error"));
    bench.lines();
    bench.write("a.log", "ee\n");
    bench.write("b.log", "of b\n");
    round.run();
    // Between files there is no order.
    let mut lines = bench.lines();
    lines.sort();
    assert_eq!(lines, ["of b", "three"]);
    round.run();
    assert!(bench.lines().is_empty());
}

#[test]
fn a_last_line_without_an_end_is_taken_when_it_stays_so() {
    let bench = Bench::new("");
    let mut round = bench.start();
    bench.write("a.log", "half");
    round.run();
    bench.clock.advance(4_999);
    round.run();
    assert!(bench.lines().is_empty());
    bench.clock.advance(1);
    round.run();
    assert_eq!(bench.lines(), ["half"]);
    bench.write("a.log", " more\n");
    round.run();
    assert_eq!(bench.lines(), [" more"]);
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start() {
    let bench = Bench::new("");
    let mut round = bench.start();
    bench.write("a.log", "one\n");
    round.run();
    let mut old = OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
    old.write_all(b"two\n").unwrap();
    fs::rename(bench.path("a.log"), bench.path("a.log.1")).unwrap();
    // The writer goes on for a moment, and the new file is there already.
    old.write_all(b"three\n").unwrap();
    bench.write("a.log", "four\n");
    round.run();
    old.write_all(b"five\n").unwrap();
    round.run();
    let mut lines = bench.lines();
    lines.sort();
    assert_eq!(lines, ["five", "four", "one", "three", "two"]);
    // Once it has been quiet it is let go, what it held included.
    old.write_all(b"last words").unwrap();
    round.run();
    bench.clock.advance(60_000);
    round.run();
    assert_eq!(bench.lines(), ["last words"]);
    old.write_all(b"unheard\n").unwrap();
    round.run();
    assert!(bench.lines().is_empty());
    assert_eq!(positions::load(&bench.path("positions.json")).unwrap().len(), 1);
}

#[test]
fn a_file_that_is_cut_off_begins_anew() {
    let bench = Bench::new("");
    let mut round = bench.start();
    bench.write("a.log", "one\ntwo\n");
    round.run();
    let file = OpenOptions::new().write(true).open(bench.path("a.log")).unwrap();
    file.set_len(0).unwrap();
    bench.write("a.log", "new\n");
    round.run();
    assert_eq!(bench.lines(), ["one", "two", "new"]);
    // Grown past the old length between two looks: the beginning tells.
    file.set_len(0).unwrap();
    bench.write("a.log", "other one\nother two\nother three\n");
    round.run();
    assert_eq!(bench.lines(), ["other one", "other two", "other three"]);
}

#[test]
fn a_restart_goes_on_where_the_sink_had_taken_all() {
    let bench = Bench::new("");
    bench.write("a.log", "one\ntwo\nhal");
    bench.start().run();
    assert_eq!(bench.lines(), ["one", "two"]);
    bench.write("a.log", "f\nthree\n");
    bench.start().run();
    assert_eq!(bench.lines(), ["half", "three"]);
    bench.start().run();
    assert!(bench.lines().is_empty());
}

#[test]
fn what_was_rotated_away_while_nobody_looked_is_found() {
    let bench = Bench::new("");
    bench.write("a.log", "one\n");
    bench.start().run();
    bench.write("a.log", "two\n");
    fs::rename(bench.path("a.log"), bench.path("a.log.1")).unwrap();
    bench.write("a.log", "three\n");
    bench.start().run();
    let mut lines = bench.lines();
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
}

#[test]
fn what_the_sink_refuses_is_offered_again_and_not_marked_as_read() {
    let bench = Bench::new("");
    let mut round = bench.start();
    bench.write("a.log", "one\n");
    bench.sink.refuse.store(true, Ordering::SeqCst);
    round.run();
    bench.write("a.log", "two\n");
    round.run();
    assert!(bench.lines().is_empty());
    // A restart meanwhile begins before the refused lines.
    bench.sink.refuse.store(false, Ordering::SeqCst);
    bench.start().run();
    assert_eq!(bench.lines(), ["one", "two"]);
    round.run();
    round.run();
    assert_eq!(bench.lines(), ["one", "two"]);
}

#[test]
fn a_line_that_the_sink_will_never_take_is_left_out_alone() {
    let bench = Bench::new("");
    let mut round = bench.start();
    *bench.sink.bad.lock() = Some(RejectedLine::TooOld);
    bench.write("a.log", "one\nbad\ntwo\n");
    round.run();
    assert_eq!(bench.lines(), ["one", "two"]);
    *bench.sink.bad.lock() = None;
    round.run();
    bench.start().run();
    assert!(bench.lines().is_empty());
}

#[test]
fn a_line_for_which_there_is_no_room_waits_alone() {
    let bench = Bench::new("");
    let mut round = bench.start();
    *bench.sink.bad.lock() = Some(RejectedLine::TooManyStreams);
    bench.write("a.log", "one\nbad\ntwo\n");
    round.run();
    round.run();
    assert_eq!(bench.lines(), ["one", "two"]);
    *bench.sink.bad.lock() = None;
    round.run();
    assert_eq!(bench.lines(), ["bad"]);
}

#[test]
fn a_line_in_pieces_survives_a_restart_in_between() {
    let bench = Bench::new(", format: cri");
    bench.write(
        "a.log",
        "2024-05-01T10:00:00Z stdout F whole\n2024-05-01T10:00:01Z stdout P first \n",
    );
    bench.start().run();
    bench.write("a.log", "2024-05-01T10:00:02Z stdout F second\n");
    bench.start().run();
    let lines = bench.lines();
    // What was not whole comes again, with what came before it in the same piece of the file.
    assert_eq!(
        lines.last().map(String::as_str),
        Some("first second"),
        "{lines:?}"
    );
    assert!(lines.contains(&"whole".to_owned()));
}

#[test]
fn the_output_is_a_label_and_excluded_files_are_left_alone() {
    let bench = Bench::new(", format: cri, exclude: ['/**/not*.log']");
    bench.write("a.log", "2024-05-01T10:00:00Z stderr F oops\n");
    bench.write("not-me.log", "2024-05-01T10:00:00Z stderr F hidden\n");
    bench.start().run();
    let records = bench.sink.records.lock();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].stream.get("stream"), Some("stderr"));
    assert_eq!(records[0].timestamp_ns, 1_714_557_600_000_000_000);
}

#[test]
fn much_text_arrives_whole_and_in_order() {
    let bench = Bench::new("");
    let expected: Vec<String> = (0..200_000)
        .map(|i| format!("line {i} {}", "x".repeat(i % 90)))
        .collect();
    bench.write("a.log", &(expected.join("\n") + "\n"));
    let mut round = bench.start();
    let mut rounds = 1;
    while round.run() {
        rounds += 1;
    }
    assert!(rounds > 1);
    assert!(bench.lines() == expected);
}

#[test]
fn positions_that_are_not_positions_are_set_aside() {
    let bench = Bench::new("");
    fs::write(bench.path("positions.json"), "{").unwrap();
    assert!(positions::load(&bench.path("positions.json")).is_err());
    let read = positions::load_or_set_aside(&bench.path("positions.json")).unwrap();
    assert!(read.is_empty());
    assert_eq!(
        fs::read_to_string(bench.path("positions.json.corrupt")).unwrap(),
        "{"
    );
}

#[test]
fn configuration_errors_have_a_place() {
    for (text, why) in [
        ("files: [{paths: ['/a/[']}]", "invalid pattern"),
        ("files: [{paths: [/a], labels: {a-b: c}}]", "invalid label name"),
        ("files: [{paths: [/a], format: journal}]", "journal"),
        ("files: [{path: [/a]}]", "path"),
    ] {
        let error = yaml::from_str::<LogsConfig>(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[tokio::test]
async fn the_task_follows_until_told_to_stop() {
    let bench = Bench::new("");
    let sink: Arc<dyn LogSink> = bench.sink.clone();
    let tailer = FileTailer::new(
        &bench.config,
        bench.path("positions.json"),
        sink,
        bench.clock.clone(),
    )
    .unwrap()
    .with_interval(Duration::from_millis(5));
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(tailer.run(shutdown.clone()));
    File::create(bench.path("a.log")).unwrap();
    for i in 0..20 {
        bench.write("a.log", &format!("{i}\n"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while bench.sink.records.lock().len() <= i {
            assert!(Instant::now() < deadline, "line {i} did not arrive");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    shutdown.cancel();
    // The last look comes after the signal, so this line counts too.
    bench.write("a.log", "last\n");
    tokio::time::timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
    let lines = bench.lines();
    assert_eq!(lines.first().map(String::as_str), Some("0"));
    assert!(lines.len() >= 20);
}
