use model::ManualClock;
use serde_json::Value;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;

fn journal() -> Journal {
    Journal::new(Arc::new(ManualClock::at(NOW_MS)), None)
}

fn asked(query: &str) -> Asked {
    Asked {
        query: query.into(),
        start_ms: NOW_MS - 60_000,
        end_ms: NOW_MS,
        step_ms: 15_000,
        client: Some([127, 0, 0, 1].into()),
        method: "GET".to_owned(),
        path: "/api/v1/query_range".to_owned(),
    }
}

#[test]
fn the_file_tells_what_ran_when_the_process_died() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("queries.active");
    let journal = Arc::new(journal().with_file(&path, 3).expect("a file"));
    let _first = journal.begin(asked("up"));
    let ended = journal.begin(asked("sum(up)"));
    let long = "a\"é".repeat(2000);
    let _long = journal.begin(asked(&long));
    // No place is left: it runs all the same.
    let _fourth = journal.begin(asked("fourth"));
    ended.finish(&Outcome::default());
    let found = unfinished(&path);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], ("up".to_owned(), NOW_MS / 1000));
    assert!(
        found[1].0.len() > 500 && long.starts_with(&found[1].0),
        "{found:?}"
    );
    assert_eq!(journal.under_way().len(), 3);

    let again = self::journal().with_file(&path, 3).expect("a file");
    assert_eq!(unfinished(&path), []);
    drop(again);
}

#[test]
fn the_file_has_prometheus_form() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("queries.active");
    let journal = Arc::new(journal().with_file(&path, 2).expect("a file"));
    let _one = journal.begin(asked("up"));
    let bytes = std::fs::read(&path).expect("readable");
    assert_eq!(bytes.len(), 2001);
    let text: Vec<u8> = bytes.into_iter().filter(|b| *b != 0).collect();
    assert_eq!(
        String::from_utf8_lossy(&text),
        r#"[{"query":"up","timestamp_sec":1700000000},"#
    );
}

#[test]
fn a_file_of_nonsense_holds_no_queries() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("queries.active");
    assert_eq!(unfinished(&path), []);
    for bytes in [vec![], b"[".to_vec(), vec![b'x'; 5000], vec![0xff; 1001]] {
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(unfinished(&path), []);
    }
}

#[test]
fn queries_that_end_are_logged_a_line_each() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, moved) = (dir.path().join("query.log"), dir.path().join("moved.log"));
    let journal = Arc::new(journal());
    journal.begin(asked("before")).finish(&Outcome::default());
    journal.log_to(Some(QueryLog::open(&path).expect("opened")));
    journal.begin(asked("up")).finish(&Outcome::default());
    std::fs::rename(&path, &moved).expect("moved");
    journal.log_to(Some(QueryLog::open(&path).expect("opened")));
    journal.begin(asked("down")).finish(&Outcome {
        error: Some("no".to_owned()),
        ..Outcome::default()
    });
    journal.log_to(None);
    journal.begin(asked("after")).finish(&Outcome::default());

    let lines = |path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("readable");
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let first = lines(&moved);
    assert_eq!(first.len(), 1);
    let params = serde_json::json!({"query": "up", "start": "2023-11-14T22:12:20.000Z",
        "end": "2023-11-14T22:13:20.000Z", "step": 15});
    assert_eq!(first[0]["params"], params);
    assert_eq!(first[0]["httpRequest"]["clientIP"], "127.0.0.1");
    assert_eq!(first[0].get("error"), None);
    let second = lines(&path);
    assert_eq!(second.len(), 1);
    assert_eq!(
        (&second[0]["params"]["query"], &second[0]["error"]),
        (&"down".into(), &"no".into())
    );
}

#[test]
fn what_is_dropped_is_no_longer_under_way() {
    let journal = Arc::new(journal());
    let entry = journal.begin(asked("up"));
    assert_eq!(journal.under_way()[0].asked.query.as_ref(), "up");
    drop(entry);
    assert!(journal.under_way().is_empty());
}
