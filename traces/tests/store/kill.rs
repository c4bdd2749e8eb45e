//! A process that writes is killed; what it had acknowledged is there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use durable::RealFs;
use model::SystemClock;
use model::spans::{SpanSink, SpanStore, TraceId};
use traces::{Options, Traces};

use crate::support::span;

const DIR_VARIABLE: &str = "TRACES_TEST_WRITE_TO";

/// Small, so that blocks are cut while it writes.
fn open(dir: &Path) -> Traces {
    let options = Options {
        head_bytes: 20_000,
        ..Options::default()
    };
    Traces::open(Arc::new(RealFs), dir, options, Arc::new(SystemClock))
        .unwrap()
        .0
}

/// Not a test of its own: the process that the test below kills.
#[test]
#[ignore = "runs as the child of spans_acknowledged_before_a_kill_are_there"]
fn child_that_writes_until_killed() {
    let Some(dir) = std::env::var_os(DIR_VARIABLE) else {
        return;
    };
    let store = open(Path::new(&dir));
    for id in 1..=1_000_000u64 {
        store.append(&[span(id.into(), id, id as i64)]).unwrap();
        println!("acknowledged {id}");
        store.maintain().unwrap();
    }
}

#[test]
fn spans_acknowledged_before_a_kill_are_there() {
    let dir = tempfile::tempdir().unwrap();
    for (round, lines) in [200usize, 1000].into_iter().enumerate() {
        let dir = dir.path().join(round.to_string());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "kill::child_that_writes_until_killed",
            ])
            .env(DIR_VARIABLE, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let acknowledged = output.lines().map_while(Result::ok).filter_map(|line| {
            let (_, id) = line.split_once("acknowledged ")?;
            id.parse::<u128>().ok()
        });
        let last = acknowledged.take(lines).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(last, lines as u128, "the child wrote until it was killed");
        let store = open(&dir);
        assert!(store.stats().blocks > 0, "blocks were cut on the way");
        for id in 1..=last {
            assert!(store.trace(TraceId(id)).unwrap().is_some(), "span {id} of {last}");
        }
    }
}
