use super::*;
use crate::config::{GlobalConfig, Located, ScrapeConfig, resolve};

fn job(fields: &str) -> ScrapeJob {
    let text = format!("- job_name: x\n  {}\n", fields.replace('\n', "\n  "));
    let configs: Vec<Located<ScrapeConfig>> = yaml::from_str(&text).unwrap();
    resolve(&GlobalConfig::default(), &configs)
        .unwrap()
        .jobs
        .remove(0)
}

fn found(job: &ScrapeJob, pairs: &[(&str, &str)]) -> Populated {
    let mut labels = LabelsBuilder::default();
    for (name, value) in pairs {
        labels.set(name, value);
    }
    populate(job, labels)
}

fn target(job: &ScrapeJob, pairs: &[(&str, &str)]) -> Target {
    match found(job, pairs) {
        Populated::Target(target) => *target,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_make_a_target() {
    let target = target(
        &job("params: {a: [1, 2], b: ['&']}"),
        &[("__address__", "h:1"), ("__meta_x", "y"), ("k", "v")],
    );
    assert_eq!(
        target.labels,
        Labels::from_pairs([("instance", "h:1"), ("job", "x"), ("k", "v")])
    );
    assert_eq!(target.url.as_str(), "http://h:1/metrics?a=1&a=2&b=%26");
    assert_eq!((target.interval.as_secs(), target.timeout.as_secs()), (60, 10));
    assert_eq!(target.discovered_labels.get("__meta_x"), Some("y"));
}

#[test]
fn labels_override_the_job() {
    let pairs = [
        ("__address__", "[::1]:9"),
        ("__scheme__", "https"),
        ("__metrics_path__", "/p"),
        ("__param_module", "m"),
        ("__scrape_interval__", "5s"),
        ("__scrape_timeout__", "2s"),
        ("instance", "i"),
    ];
    let target = target(&job(""), &pairs);
    assert_eq!(target.url.as_str(), "https://[::1]:9/p?module=m");
    assert_eq!(target.labels.get("instance"), Some("i"));
    assert_eq!((target.interval.as_secs(), target.timeout.as_secs()), (5, 2));
}

#[test]
fn what_cannot_be_scraped_says_why() {
    for (pairs, expected) in [
        (&[("a", "b")][..], "no address"),
        (
            &[("__address__", "http://h")],
            "\"http://h\" is not a valid hostname",
        ),
        (
            &[("__address__", "h:1"), ("__scrape_timeout__", "2m")],
            "scrape timeout cannot be greater",
        ),
        (
            &[("__address__", "h:1"), ("__scrape_interval__", "x")],
            "error parsing scrape interval",
        ),
        (&[("__address__", "h:99999")], "not a valid hostname"),
    ] {
        let Populated::Invalid(_, reason) = found(&job(""), pairs) else {
            panic!("{pairs:?}")
        };
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn rules_drop_targets_and_may_mend_addresses() {
    let rules = job(
        "relabel_configs:\n- {source_labels: [keep], regex: 'yes', action: keep}\n- {source_labels: [__address__], regex: 'http://(.*)', target_label: __address__}",
    );
    assert!(matches!(
        found(&rules, &[("__address__", "a:1")]),
        Populated::Dropped(_)
    ));
    let mended = target(&rules, &[("__address__", "http://a:1"), ("keep", "yes")]);
    assert_eq!(mended.url.as_str(), "http://a:1/metrics");
}
