use std::path::PathBuf;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    global: GlobalConfig,
    #[serde(default, deserialize_with = "super::scrape_configs")]
    scrape_configs: Vec<Located<ScrapeConfig>>,
}

fn load(text: &str) -> Result<Resolved, yaml::YamlError> {
    let file: File = yaml::from_str(text)?;
    resolve(&file.global, &file.scrape_configs)
}

fn refused(text: &str) -> String {
    match load(text) {
        Ok(resolved) => panic!("{text} was accepted: {resolved:?}"),
        Err(error) => error.to_string(),
    }
}

fn job(fields: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: x\n  {}\n",
        fields.replace('\n', "\n  ")
    )
}

#[test]
fn defaults_come_from_global() {
    let text = "global:\n  scrape_interval: 5s\n  sample_limit: 7\nscrape_configs:\n- job_name: a\n- job_name: b\n  scrape_interval: 1m\n  sample_limit: 9\n";
    let jobs = load(text).unwrap().jobs;
    let seconds = |job: &ScrapeJob| (job.scrape_interval.0.as_secs(), job.scrape_timeout.0.as_secs());
    assert_eq!(seconds(&jobs[0]), (5, 5));
    assert_eq!(seconds(&jobs[1]), (60, 5));
    assert_eq!((jobs[0].limits.samples, jobs[1].limits.samples), (7, 9));
    assert_eq!(
        (jobs[0].metrics_path.as_str(), jobs[0].scheme.as_str()),
        ("/metrics", "http")
    );
    assert!(jobs[0].honor_timestamps && !jobs[0].honor_labels && jobs[0].http.follow_redirects);
}

#[test]
fn a_discovery_that_is_not_offered_is_named_with_its_line() {
    let error = refused("scrape_configs:\n- job_name: x\n  consul_sd_configs:\n  - server: a\n");
    assert!(
        error.starts_with("line 4") || error.starts_with("line 3"),
        "{error}"
    );
    assert!(error.contains("consul_sd_configs is not supported"), "{error}");
}

#[test]
fn an_unknown_field_has_its_line() {
    let error = refused("scrape_configs:\n- job_name: x\n  scrape_intervall: 5s\n");
    assert!(
        error.starts_with("line 3") && error.contains("scrape_intervall"),
        "{error}"
    );
}

#[test]
fn a_wrong_value_has_the_line_of_its_section() {
    let error = refused(
        "scrape_configs:\n- job_name: x\n- job_name: y\n  relabel_configs:\n  - regex: a\n    target_label: b\n  - regex: 'a('\n    target_label: b\n",
    );
    assert!(error.contains("error parsing regexp"), "{error}");
    assert!(
        error.starts_with("line 7") || error.starts_with("line 8"),
        "{error}"
    );
}

#[test]
fn mistakes_are_refused_in_upstreams_words() {
    for (text, expected) in [
        ("scrape_configs:\n- job_name: ''\n", "job_name is empty"),
        (
            "scrape_configs:\n- job_name: a\n- job_name: a\n",
            "found multiple scrape configs with job name \"a\"",
        ),
        ("scrape_configs:\n-\n", "empty or null scrape config section"),
        (
            "global: {scrape_interval: 1s, scrape_timeout: 2s}\n",
            "global scrape timeout greater than scrape interval",
        ),
        (
            &job("scrape_interval: 1s\nscrape_timeout: 2s"),
            "scrape timeout greater than scrape interval",
        ),
        (
            &job("static_configs:\n- targets: ['http://bad']"),
            "\"http://bad\" is not a valid hostname",
        ),
        (
            &job("static_configs:\n-"),
            "empty or null section in static_configs",
        ),
        (
            &job("relabel_configs:\n-"),
            "empty or null target relabeling rule",
        ),
        (
            &job("metric_relabel_configs:\n-"),
            "empty or null metric relabeling rule",
        ),
        (
            &job("relabel_configs:\n- action: null"),
            "relabel action cannot be empty",
        ),
        (
            &job("relabel_configs:\n- action: keepp"),
            "unknown relabel action \"keepp\"",
        ),
        (
            &job("relabel_configs:\n- source_labels: [a]"),
            "requires 'target_label' value",
        ),
        (
            &job("relabel_configs:\n- {action: hashmod, target_label: b}"),
            "requires non-zero modulus",
        ),
        (
            &job("relabel_configs:\n- {action: labeldrop, regex: a, target_label: b}"),
            "labeldrop action requires only 'regex'",
        ),
        (
            &job("relabel_configs:\n- {action: lowercase, target_label: b, replacement: c}"),
            "'replacement' can not be set for lowercase action",
        ),
        (&job("body_size_limit: 100"), "units: unknown unit  in 100"),
        (&job("scheme: ftp"), "scheme must be"),
        (
            &job("bearer_token: a\nbearer_token_file: b"),
            "at most one of bearer_token & bearer_token_file",
        ),
        (
            &job("bearer_token: a\nbasic_auth: {username: b}"),
            "at most one of basic_auth, oauth2, bearer_token",
        ),
        (&job("authorization: {type: basic}"), "use \"basic_auth\" instead"),
        (&job("oauth2: {client_id: a}"), "oauth2 is not supported yet"),
        (
            &job("file_sd_configs:\n- files: [a.txt]"),
            "path name \"a.txt\" is not valid for file discovery",
        ),
        (
            &job("kubernetes_sd_configs:\n- role: node"),
            "role \"node\" is not supported yet",
        ),
        (
            &job("kubernetes_sd_configs:\n- role: vacation"),
            "unknown Kubernetes SD role \"vacation\"",
        ),
        (
            &job("kubernetes_sd_configs:\n- {role: pod, bearer_token: a}"),
            "please provide the 'api_server' URL explicitly",
        ),
        (
            &job("kubernetes: {annotations: true, role: pod}"),
            "role belongs in kubernetes_sd_configs",
        ),
        (
            &job("metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: allow-utf-8"),
            "utf8 metric names requested",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.starts_with("line "), "{text}: {error}");
    }
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let resolved = load(&job("scrape_native_histograms: true")).unwrap();
    assert_eq!(resolved.warnings.len(), 1);
    assert!(
        resolved.warnings[0]
            .to_string()
            .contains("scrape_native_histograms"),
        "{:?}",
        resolved.warnings
    );
}

#[test]
fn secrets_do_not_show() {
    let resolved = load(&job("basic_auth: {username: me, password: hush}")).unwrap();
    assert!(!format!("{resolved:?}").contains("hush"));
}

#[test]
fn annotated_pods_are_a_discovery() {
    let resolved = load(&job("kubernetes: {annotations: true, namespaces: {names: [a]}}")).unwrap();
    let [Discovery::Kubernetes(config)] = &resolved.jobs[0].discovery[..] else {
        panic!("{resolved:?}")
    };
    assert!(config.annotations);
    assert_eq!(config.namespaces, ["a"]);
}

/// The sections of a whole prometheus.yml that are ours; the rest is somebody else's.
#[derive(Deserialize)]
struct Ours {
    #[serde(default)]
    global: GlobalConfig,
    #[serde(default, deserialize_with = "super::scrape_configs")]
    scrape_configs: Vec<Located<ScrapeConfig>>,
}

fn load_ours(text: &str) -> Result<Resolved, yaml::YamlError> {
    let file: Ours = yaml::from_str(text)?;
    resolve(&file.global, &file.scrape_configs)
}

/// Good files pass or are refused for what is openly not supported; bad ones that concern these sections fail.
#[test]
fn upstreams_configurations_are_judged_as_upstream_does() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/prometheus");
    if !folder.exists() {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no conformance data at {}",
            folder.display()
        );
        return;
    }
    let (mut good, mut unsupported, mut wrong) = (0, 0, Vec::new());
    for path in std::fs::read_dir(folder.join("config"))
        .unwrap()
        .map(|e| e.unwrap().path())
    {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(".good.") {
            continue;
        }
        good += 1;
        match load_ours(&std::fs::read_to_string(&path).unwrap()) {
            Ok(_) => {}
            Err(e) if e.message.contains("not supported") => unsupported += 1,
            Err(e) => wrong.push(format!("{name}: {e}")),
        }
    }
    eprintln!(
        "good configurations: {good}, refused as not supported: {unsupported}, wrong: {}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    let (mut ours, mut as_expected) = (0, 0);
    let cases: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(folder.join("config_bad_manifest.json")).unwrap()).unwrap();
    let mut accepted = Vec::new();
    for case in &cases {
        let (file, expected) = (
            case["file"].as_str().unwrap(),
            case["err_contains"].as_str().unwrap(),
        );
        let foreign = [
            "remote_",
            "rules",
            "tracing",
            "tsdb",
            "alert",
            "scrape_config_files",
            "empty_r",
            "otlp",
        ];
        if foreign.iter().any(|part| file.contains(part)) {
            continue;
        }
        let Ok(bytes) = std::fs::read(folder.join("config").join(file)) else {
            continue;
        };
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        ours += 1;
        match load_ours(&text) {
            Ok(_) => accepted.push(file.to_owned()),
            Err(e) if e.message.contains(expected) => as_expected += 1,
            Err(e) => eprintln!("{file}: {e}; upstream: {expected}"),
        }
    }
    eprintln!(
        "bad configurations of ours: {ours}, in upstream's words: {as_expected}, accepted: {accepted:?}"
    );
    assert!(accepted.is_empty(), "{accepted:?}");
}
