//! What is found and what is refused.

use model::logs::{
    Direction, LineFilter, LogAppendReport, LogCount, LogQuery, LogRecord, LogSink, LogStore, RejectedLine,
};
use model::spans::TraceId;
use model::{Labels, StoreError};

use super::support::{DAY_NS, HOUR_NS, all, everything, line, open_disk, stream, texts};

fn contains(needle: &str) -> LogQuery {
    LogQuery {
        filters: vec![LineFilter::Contains(needle.to_owned())],
        ..everything()
    }
}

fn text(words: &str) -> LogQuery {
    LogQuery {
        text: Some(words.to_owned()),
        ..everything()
    }
}

/// Runs `check` while the lines are in the head, after they are in blocks, and after a restart.
fn in_all_places(lines: &[LogRecord], check: impl Fn(&log_indexer::Logs)) {
    let dir = tempfile::tempdir().unwrap();
    let (logs, _) = open_disk(dir.path());
    logs.append(lines).unwrap();
    check(&logs);
    logs.flush().unwrap();
    assert_eq!(logs.stats().unwrap().head_lines, 0);
    check(&logs);
    drop(logs);
    let (logs, report) = open_disk(dir.path());
    assert_eq!((report.replayed, report.damage), (0, vec![]));
    check(&logs);
}

#[test]
fn a_needle_with_parts_of_words_at_its_edges_is_found() {
    let lines = [
        line("a", 1, "dial tcp: connection refused by peer"),
        line("a", 2, "connection accepted by peer"),
        line("a", 3, "refused"),
    ];
    in_all_places(&lines, |logs| {
        assert_eq!(
            texts(logs, &contains("nection refused by pe")),
            ["dial tcp: connection refused by peer"]
        );
        assert_eq!(texts(logs, &contains("efuse")).len(), 2);
        assert_eq!(texts(logs, &contains("refused")).len(), 2);
        assert_eq!(texts(logs, &contains("Refused")).len(), 0);
        assert_eq!(texts(logs, &contains(" refused ")).len(), 1);
        assert_eq!(texts(logs, &contains("")).len(), 3);
    });
}

#[test]
fn words_do_not_run_together_across_lines() {
    let lines = [line("a", 1, "foo"), line("a", 2, "bar")];
    in_all_places(&lines, |logs| {
        assert_eq!(texts(logs, &text("foobar")), [""; 0]);
        assert_eq!(texts(logs, &text("bar")), ["bar"]);
        assert_eq!(texts(logs, &contains("foo\nbar")), [""; 0]);
    });
}

#[test]
fn empty_lines_lines_with_breaks_and_unicode_come_back_as_they_were() {
    let lines = [
        line("a", 1, ""),
        line("a", 2, "\n"),
        line(
            "a",
            3,
            "Traceback:\n  File \"x\"\n\nValueError: größer 日本語 😀\u{0}",
        ),
        line("ü", 4, "İstanbul ΟΔΟΣ"),
    ];
    in_all_places(&lines, |logs| {
        assert_eq!(all(logs), lines);
        assert_eq!(texts(logs, &text("GRÖSSER")), [""; 0]);
        assert_eq!(texts(logs, &text("GRÖßER valueerror")).len(), 1);
        assert_eq!(texts(logs, &text("οδοσ")).len(), 1);
        assert_eq!(texts(logs, &contains("ValueError: größer 日")).len(), 1);
    });
}

#[test]
fn long_words_are_found_whole_by_text_and_in_part_by_needle() {
    let token = "x".repeat(5000);
    let lines = [
        line("a", 1, &format!("key {token}y end")),
        line("a", 2, &format!("key {token}z end")),
    ];
    in_all_places(&lines, |logs| {
        assert_eq!(texts(logs, &text(&format!("{token}y"))).len(), 1);
        assert_eq!(texts(logs, &contains(&format!(" {token}z "))).len(), 1);
        assert_eq!(texts(logs, &text(&token)).len(), 0);
    });
}

#[test]
fn text_looks_at_metadata_and_trace_ids_find_their_lines() {
    let mut traced = line("a", 1, "charged");
    traced.trace_id = Some(TraceId(0xabc));
    traced.metadata = Labels::from_pairs([("user", "Ada Lovelace")]);
    let lines = [
        traced,
        line("a", 2, "00000000000000000000000000000abc is only text here"),
    ];
    in_all_places(&lines, |logs| {
        assert_eq!(texts(logs, &text("lovelace CHARGED")), ["charged"]);
        let by_trace = LogQuery {
            trace_id: Some(TraceId(0xabc)),
            ..everything()
        };
        assert_eq!(texts(logs, &by_trace), ["charged"]);
    });
}

#[test]
fn a_text_without_a_word_is_refused_and_a_blank_one_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, _) = open_disk(dir.path());
    logs.append(&[line("a", 1, "x")]).unwrap();
    assert!(matches!(logs.query(&text("!?")), Err(StoreError::Invalid(m)) if m.contains("no word")));
    assert_eq!(texts(&logs, &text("  ")), ["x"]);
}

#[test]
fn late_lines_are_taken_and_the_limit_counts_from_the_right_end() {
    let order = [5, 3, 9, 1, 7, 3];
    let lines: Vec<LogRecord> = order
        .iter()
        .enumerate()
        .map(|(i, &t)| line("a", t * HOUR_NS, &format!("{t} arrived {i}")))
        .collect();
    in_all_places(&lines, |logs| {
        let newest = LogQuery {
            limit: 4,
            direction: Direction::Backward,
            ..everything()
        };
        assert_eq!(
            texts(logs, &newest),
            ["9 arrived 2", "7 arrived 4", "5 arrived 0", "3 arrived 1"]
        );
        let oldest = LogQuery {
            limit: 3,
            ..everything()
        };
        assert_eq!(
            texts(logs, &oldest),
            ["1 arrived 3", "3 arrived 1", "3 arrived 5"]
        );
    });
}

#[test]
fn labels_values_and_series_know_the_range() {
    let lines = [line("a", 0, "x"), line("b", HOUR_NS, "y")];
    in_all_places(&lines, |logs| {
        assert_eq!(logs.labels(i64::MIN, i64::MAX).unwrap(), ["app", "env"]);
        assert_eq!(
            logs.label_values("app", &[], DAY_NS, DAY_NS + HOUR_NS).unwrap(),
            ["a"]
        );
        assert_eq!(
            logs.label_values("app", &[], DAY_NS, DAY_NS + HOUR_NS + 1)
                .unwrap(),
            ["a", "b"]
        );
        assert_eq!(logs.series(&[], DAY_NS + 1, i64::MAX).unwrap(), [stream("b")]);
        assert_eq!(logs.series(&[], DAY_NS + 1, DAY_NS + 1).unwrap(), Vec::new());
    });
}

#[test]
fn counts_cover_every_step_and_refuse_too_many() {
    let lines = [line("a", 0, "x"), line("a", 1, "x"), line("a", 2 * HOUR_NS, "x")];
    in_all_places(&lines, |logs| {
        let range = LogQuery {
            start_ns: DAY_NS,
            end_ns: DAY_NS + 3 * HOUR_NS,
            ..LogQuery::default()
        };
        let want = [2, 0, 1].map(|count| count);
        let counts = logs.count(&range, HOUR_NS).unwrap();
        let starts = [0, 1, 2].map(|i| DAY_NS + i * HOUR_NS);
        let want: Vec<LogCount> = starts
            .into_iter()
            .zip(want)
            .map(|(start_ns, count)| LogCount { start_ns, count })
            .collect();
        assert_eq!(counts, want);
        assert!(matches!(
            logs.count(&range, 1_000_000),
            Err(StoreError::Invalid(_))
        ));
        assert!(matches!(logs.count(&range, 0), Err(StoreError::Invalid(_))));
    });
}

#[test]
fn a_line_that_is_too_large_too_old_or_too_new_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, _) = open_disk(dir.path());
    let fine = line("a", 1, "fine");
    let mut wordy = line("a", 3, "wordy");
    wordy.metadata = Labels::from_pairs([("k", "x".repeat(64 * 1024).as_str())]);
    let batch = [
        line("a", 2, &"x".repeat(256 * 1024 + 1)),
        wordy,
        fine.clone(),
        line(&"s".repeat(16 * 1024), 4, "stream"),
        line("a", -30 * 24 * HOUR_NS, "old"),
        line("a", 40 * HOUR_NS, "new"),
    ];
    let report = logs.append(&batch).unwrap();
    assert_eq!(report.stored, 1);
    assert_eq!(
        report.rejected,
        [
            (0, RejectedLine::LineTooLong),
            (1, RejectedLine::MetadataTooLong),
            (3, RejectedLine::StreamLabelsTooLong),
            (4, RejectedLine::TooOld),
            (5, RejectedLine::TooFarInFuture),
        ]
    );
    assert_eq!(all(&logs), std::slice::from_ref(&fine));
    assert_eq!(logs.append(&batch[..2]).unwrap().stored, 0);
    assert_eq!(logs.append(&[]).unwrap(), LogAppendReport::default());
    let stats = logs.stats().unwrap();
    assert_eq!((stats.refused_batches_total, stats.refused_lines_total), (0, 7));
    drop(logs);
    assert_eq!(all(&open_disk(dir.path()).0), [fine]);
}
