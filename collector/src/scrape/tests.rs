use model::Labels;
use model::metrics::MetricType;

use super::*;
use crate::config::{GlobalConfig, Located, ScrapeConfig, ScrapeJob, resolve};
use crate::exposition::Format;
use crate::sink_double::SinkDouble;

/// A target's cache and rules, scraped at 1000, 2000, …
struct Bench {
    job: ScrapeJob,
    target: Labels,
    cache: ScrapeCache,
    now_ms: i64,
    counts: Counts,
    sink: SinkDouble,
}

impl Bench {
    fn new(fields: &str) -> Bench {
        let text = format!("- job_name: x\n  {}\n", fields.replace('\n', "\n  "));
        let configs: Vec<Located<ScrapeConfig>> = yaml::from_str(&text).unwrap();
        let job = resolve(&GlobalConfig::default(), &configs)
            .unwrap()
            .jobs
            .remove(0);
        let target = Labels::from_pairs([("instance", "i"), ("job", "j")]);
        Bench {
            job,
            target,
            cache: ScrapeCache::default(),
            now_ms: 0,
            counts: Counts::default(),
            sink: SinkDouble::default(),
        }
    }

    /// What is stored, as `series value@time` without the target's labels; an error as itself in front.
    fn scrape(&mut self, body: &str) -> Vec<String> {
        self.now_ms += 1000;
        let mut batch = Batch::default();
        let rules = Rules::of(&self.job, &self.target);
        let body = body.as_bytes();
        let (counts, result) = process(
            body,
            Format::Text,
            &mut self.cache,
            &rules,
            self.now_ms,
            &mut batch,
        );
        self.counts = counts;
        batch.resolve(&mut self.cache, self.now_ms, &self.sink);
        let (_, forgotten) = batch.append(&self.sink).unwrap();
        if !forgotten.is_empty() {
            self.cache.forget(&batch.handles(&forgotten));
            again(
                body,
                Format::Text,
                &mut self.cache,
                &rules,
                self.now_ms,
                &mut batch,
            );
            batch.resolve(&mut self.cache, self.now_ms, &self.sink);
            assert!(batch.append(&self.sink).unwrap().1.is_empty());
        }
        let mut shown: Vec<String> = result.err().map(|e| e.to_string()).into_iter().collect();
        shown.extend(self.sink.take().iter().map(|line| {
            let line = line
                .replace("instance=\"i\", ", "")
                .replace("{instance=\"i\"}", "");
            let line = line.replace("job=\"j\", ", "").replace(", job=\"j\"}", "}");
            line.replace("{job=\"j\"}", "")
        }));
        shown
    }
}

#[test]
fn a_series_that_vanishes_ends_once() {
    let mut bench = Bench::new("");
    assert_eq!(
        bench.scrape("a 1\nb{x=\"y\"} 2\n"),
        ["a 1@1000", "b{x=\"y\"} 2@1000"]
    );
    assert_eq!(
        bench.counts,
        Counts {
            scraped: 2,
            post_relabel: 2,
            added: 2,
            duplicates: 0
        }
    );
    assert_eq!(bench.scrape("a 3\n"), ["a 3@2000", "b{x=\"y\"} stale@2000"]);
    assert_eq!(bench.scrape("a 3\n"), ["a 3@3000"]);
    assert_eq!(
        bench.scrape("b{x=\"y\"} 4\na 3\n"),
        ["b{x=\"y\"} 4@4000", "a 3@4000"]
    );
    assert_eq!(bench.counts.added, 1);
}

#[test]
fn a_page_that_does_not_parse_ends_everything_and_stores_nothing() {
    let mut bench = Bench::new("");
    bench.scrape("a 1\nb 2\n");
    let rows = bench.scrape("a 1\nc 1\nb x\n");
    assert_eq!(
        rows,
        [
            "line 3, column 3: parsing \"x\": invalid syntax",
            "a stale@2000",
            "b stale@2000"
        ]
    );
    assert_eq!(bench.scrape("a 1\n"), ["a 1@3000"]);
    assert_eq!(bench.counts.added, 0, "the cache survives a bad page");
}

#[test]
fn the_order_of_a_page_may_be_any() {
    let mut bench = Bench::new("");
    let names: Vec<String> = (0..40).map(|i| format!("m{i}")).collect();
    let mut rng = crate::push::mutation::Rng::seeded(3);
    let mut showing: Vec<&String> = Vec::new();
    for round in 1..300 {
        let before = showing.clone();
        // Mostly the same page, sometimes with gaps, newcomers, or shuffled.
        match rng.below(4) {
            0 => showing = names.iter().filter(|_| rng.below(3) > 0).collect(),
            1 => (0..showing.len()).for_each(|i| showing.swap(i, rng.below(i + 1))),
            2 => showing.retain(|_| rng.below(10) > 0),
            _ => {}
        }
        let page: String = showing.iter().map(|name| format!("{name} {round}\n")).collect();
        let mut expected: Vec<String> = showing
            .iter()
            .map(|name| format!("{name} {round}@{round}000"))
            .collect();
        let ended = before.iter().filter(|name| !showing.contains(name));
        let ended: Vec<String> = ended.map(|name| format!("{name} stale@{round}000")).collect();
        let mut stored = bench.scrape(&page);
        assert_eq!(stored[..expected.len()], expected[..], "round {round}");
        expected.extend(ended);
        expected.sort();
        stored.sort();
        assert_eq!(stored, expected, "round {round}");
        let added = showing.iter().filter(|name| !before.contains(name)).count();
        assert_eq!(bench.counts.added, added, "round {round}");
        assert_eq!(bench.cache.entries.len(), showing.len());
    }
}

#[test]
fn what_the_sink_has_forgotten_is_made_anew_from_the_page() {
    let mut bench =
        Bench::new("metric_relabel_configs:\n- {source_labels: [__name__], regex: d, action: drop}");
    bench.scrape("a 1\nb{x=\"y\"} 2\nd 0\nc 3\n");
    bench.sink.forget();
    let page = "b{x=\"y\"} 2\nd 0\na 1\nnew 4\n";
    // `c` is not known either, so it has nothing that could end.
    let mut stored = bench.scrape(page);
    stored.sort();
    assert_eq!(stored, ["a 1@2000", "b{x=\"y\"} 2@2000", "new 4@2000"]);
    assert_eq!(bench.counts.added, 1);
    bench.sink.take_created();
    assert_eq!(
        bench.scrape(page),
        ["b{x=\"y\"} 2@3000", "a 1@3000", "new 4@3000"]
    );
    assert_eq!(bench.sink.take_created(), 0);
}

#[test]
fn the_same_series_in_other_words_does_not_end() {
    let mut bench = Bench::new("");
    bench.scrape("a{x=\"1\",y=\"2\"} 1\n");
    assert_eq!(
        bench.scrape("a{y=\"2\",x=\"1\"} 2\n"),
        ["a{x=\"1\", y=\"2\"} 2@2000"]
    );
}

#[test]
fn a_series_that_stands_twice_counts_once() {
    let mut bench = Bench::new("");
    assert_eq!(bench.scrape("a 1\na 2\nb 3\n"), ["a 1@1000", "b 3@1000"]);
    assert_eq!(
        bench.counts,
        Counts {
            scraped: 3,
            post_relabel: 3,
            added: 2,
            duplicates: 1
        }
    );
    assert_eq!(bench.scrape("a 1\na 2\nb 3\n"), ["a 1@2000", "b 3@2000"]);
    assert_eq!(
        bench.scrape("a 1\nc 2\nd 3\n"),
        ["a 1@3000", "c 2@3000", "d 3@3000", "b stale@3000"]
    );
}

#[test]
fn timestamps_of_the_page_are_kept_and_such_series_do_not_end() {
    let mut bench = Bench::new("");
    assert_eq!(bench.scrape("a 1 500\nb 2\n"), ["a 1@500", "b 2@1000"]);
    assert_eq!(bench.scrape(""), ["b stale@2000"]);
    let mut tracked = Bench::new("track_timestamps_staleness: true");
    tracked.scrape("a 1 500\n");
    assert_eq!(tracked.scrape(""), ["a stale@2000"]);
    let mut ignored = Bench::new("honor_timestamps: false");
    assert_eq!(ignored.scrape("a 1 500\n"), ["a 1@1000"]);
}

#[test]
fn the_targets_labels_win_unless_the_page_is_honored() {
    let page = "a{job=\"own\",exported_job=\"too\",instance=\"\"} 1\n";
    let labels = |fields: &str| {
        let mut bench = Bench::new(fields);
        let mut batch = Batch::default();
        let rules = Rules::of(&bench.job, &bench.target);
        let _ = process(
            page.as_bytes(),
            Format::Text,
            &mut bench.cache,
            &rules,
            1,
            &mut batch,
        );
        batch.new[0].labels.clone()
    };
    let name = ("__name__", "a");
    let won = [
        name,
        ("job", "j"),
        ("exported_exported_job", "own"),
        ("exported_job", "too"),
        ("instance", "i"),
    ];
    assert_eq!(labels(""), Labels::from_pairs(won));
    let honored = [name, ("job", "own"), ("exported_job", "too")];
    assert_eq!(labels("honor_labels: true"), Labels::from_pairs(honored));
}

#[test]
fn metric_rules_drop_series_once_and_for_all() {
    let mut bench =
        Bench::new("metric_relabel_configs:\n- {source_labels: [__name__], regex: 'b.*', action: drop}");
    for round in 1..4 {
        assert_eq!(bench.scrape("a 1\nb 2\nbb 3\n"), [format!("a 1@{round}000")]);
        assert_eq!((bench.counts.scraped, bench.counts.post_relabel), (3, 1));
    }
}

#[test]
fn limits_fail_the_scrape() {
    let mut bench = Bench::new("sample_limit: 2");
    assert_eq!(bench.scrape("a 1\nb 2\n").len(), 2);
    let rows = bench.scrape("a 1\nb 2\nc 3\nd 4\n");
    assert_eq!(
        rows,
        [
            "sample limit exceeded: 2 samples are allowed",
            "a stale@2000",
            "b stale@2000"
        ]
    );
    assert_eq!((bench.counts.scraped, bench.counts.post_relabel), (4, 4));
    for (limit, page) in [
        ("label_limit: 3", "a{x=\"y\"} 1\n"),
        ("label_name_length_limit: 8", "a{ninechars=\"y\"} 1\n"),
        ("label_value_length_limit: 3", "a{x=\"long\"} 1\n"),
    ] {
        let error = Bench::new(limit).scrape(page).remove(0);
        assert!(
            error.contains(&format!("{} exceeded", limit.split(':').next().unwrap())),
            "{error}"
        );
    }
}

#[test]
fn changed_rules_end_what_they_no_longer_make() {
    let mut bench = Bench::new("");
    bench.scrape("a 1\nb 2\n");
    bench.job = Bench::new("metric_relabel_configs:\n- {source_labels: [__name__], regex: b, target_label: __name__, replacement: c}").job;
    bench.cache.rules_changed();
    assert_eq!(
        bench.scrape("a 1\nb 2\n"),
        ["a 1@2000", "c 2@2000", "b stale@2000"]
    );
}

#[test]
fn a_name_can_be_required_to_be_plain() {
    let error = Bench::new("metric_name_validation_scheme: legacy")
        .scrape("{\"a.b\"} 1\n")
        .remove(0);
    assert!(error.contains("invalid metric name or label names"), "{error}");
    assert_eq!(Bench::new("").scrape("{\"a.b\"} 1\n").len(), 1);
}

#[test]
fn metadata_is_kept_and_changes_are_told() {
    let mut bench = Bench::new("");
    let rules = Rules::of(&bench.job, &bench.target);
    let mut batch = Batch::default();
    let mut changed = |page: &str| {
        batch.clear();
        let page = page.as_bytes();
        let (_, result) = process(page, Format::Text, &mut bench.cache, &rules, 1, &mut batch);
        result.unwrap();
        let names: Vec<String> = batch
            .changed
            .iter()
            .map(|family| family.name.to_string())
            .collect();
        (names, bench.cache.metadata())
    };
    let one = "# HELP a one\\nline\n# TYPE a counter\na 1\n";
    let (names, metadata) = changed(one);
    assert_eq!(names, ["a"]);
    let (_, a) = &metadata[0];
    assert_eq!(
        (a.metric_type, a.help.as_str()),
        (MetricType::Counter, "one\nline")
    );
    assert!(changed(one).0.is_empty());

    let two = "# TYPE b gauge\n\nb 1\n# HELP c later\n";
    let (names, metadata) = changed(&format!("{two}{one}"));
    assert_eq!((names, metadata.len()), (vec!["b".to_owned(), "c".to_owned()], 3));
    assert!(changed(&format!("{two}{one}")).0.is_empty());
    assert!(
        changed(&format!("{one}{two}")).0.is_empty(),
        "another order says nothing new"
    );
    let (names, metadata) = changed(&format!("{one}{}", two.replace("gauge", "counter")));
    assert_eq!((names, metadata.len()), (vec!["b".to_owned()], 3));
    assert_eq!(changed(one).1.len(), 1);
    assert_eq!(changed("a 1\n").1.len(), 0);
}

#[test]
fn targets_that_say_the_same_share_it() {
    let (one, two) = (Bench::new(""), Bench::new(""));
    let shared: std::sync::Arc<Families> = Default::default();
    let caches = [one, two].map(|bench| {
        let mut cache = ScrapeCache::new(shared.clone());
        let rules = Rules::of(&bench.job, &bench.target);
        let page = b"# HELP a one\na 1\n";
        let (_, result) = process(page, Format::Text, &mut cache, &rules, 1, &mut Batch::default());
        result.unwrap();
        cache
    });
    let [one, two] = &caches;
    assert!(std::sync::Arc::ptr_eq(&one.families[0], &two.families[0]));
}

#[test]
fn ticks_lie_on_a_grid_of_the_target() {
    for hash in [0, 1, 999, u64::MAX] {
        let first = schedule::next_tick(1_700_000_000_123, 15_000, hash);
        assert!((1_700_000_000_123..1_700_000_015_123).contains(&first));
        assert_eq!(schedule::next_tick(first, 15_000, hash), first);
        assert_eq!(schedule::next_tick(first + 1, 15_000, hash), first + 15_000);
    }
    assert_eq!(schedule::timestamp(1000, 1002, 15_000), 1000);
    assert_eq!(schedule::timestamp(1000, 1003, 15_000), 1003);
}

#[test]
fn the_accept_header_names_formats_by_preference() {
    use crate::config::{EscapingScheme, ScrapeProtocol};
    let accept = client::accept(&ScrapeProtocol::DEFAULTS, EscapingScheme::AllowUtf8);
    assert_eq!(
        accept,
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
         application/openmetrics-text;version=0.0.1;q=0.4,\
         text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    );
}

#[test]
fn pages_refused_one_after_the_other_do_not_fill_the_memory() {
    let mut bench = Bench::new("");
    bench.scrape("kept 1\n");
    for round in 0..20 {
        let mut page = String::from("kept 1\n");
        for i in 0..1000 {
            page.push_str(&format!("m{{a=\"{round}_{i}\"}} 1\n"));
        }
        page.push_str("m{\n");
        bench.scrape(&page);
        let (known, room) = (bench.cache.entries.len(), bench.cache.entries.capacity());
        assert!(
            known == 1 && room < 100,
            "{known} series in {room} places after {round}"
        );
    }
    assert_eq!(bench.scrape("kept 1\n"), ["kept 1@22000"]);
}

#[test]
fn exemplars_of_a_page_are_handed_on_with_the_labels_under_which_the_series_is_stored() {
    let mut bench = Bench::new("");
    let page = "# TYPE a counter\n\
        a_total{x=\"1\"} 5 # {trace_id=\"t1\"} 0.5 1.5\n\
        a_total{x=\"2\"} 6 # {} 0.25\n\
        a_total{x=\"3\"} 7\n\
        # EOF\n";
    // The second page is known already; a page that is refused gives none.
    for (round, page) in [page, page, "a_total 5 # {trace_id=\"t1\"} 0.5\n"]
        .into_iter()
        .enumerate()
    {
        let mut batch = Batch {
            exemplars: Some(Vec::new()),
            ..Batch::default()
        };
        let rules = Rules::of(&bench.job, &bench.target);
        let (body, format) = (page.as_bytes(), Format::OpenMetrics);
        let (_, result) = process(body, format, &mut bench.cache, &rules, 7, &mut batch);
        batch.resolve(&mut bench.cache, 7, &bench.sink);
        let rows = batch.exemplars.unwrap_or_default();
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let (series, exemplar) = (&row.series, &row.exemplar);
                let (labels, value, at) = (&exemplar.labels, exemplar.value, exemplar.timestamp_ms);
                format!("{series} {labels} {value}@{at} {}", row.own_timestamp)
            })
            .collect();
        if round == 2 {
            assert!(result.is_err() && shown.is_empty(), "{shown:?}");
            continue;
        }
        let expected = [
            r#"a_total{instance="i", job="j", x="1"} {trace_id="t1"} 0.5@1500 true"#,
            r#"a_total{instance="i", job="j", x="2"} {} 0.25@7 false"#,
        ];
        assert_eq!(shown, expected);
    }
}
