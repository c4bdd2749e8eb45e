//! Families survive a restart, stay within bounds, and cost no writes when nothing changes.

use std::io::ErrorKind;

use durable::{FaultyFs, MemoryFs};
use model::metrics::MetricType;

use super::*;
use crate::random::Random;

const PATH: &str = "/data/families";

fn open(fs: &Arc<dyn Fs>) -> Families {
    Families::open(Arc::clone(fs), Path::new(PATH)).expect("opens")
}

fn memory() -> Arc<dyn Fs> {
    let fs = MemoryFs::default();
    fs.create_dir_all(Path::new("/data")).expect("creates");
    Arc::new(fs)
}

fn metadata(metric_type: MetricType, help: &str) -> Metadata {
    Metadata {
        metric_type,
        help: help.to_owned(),
        unit: "seconds".to_owned(),
    }
}

#[test]
fn families_survive_a_restart() {
    let fs = memory();
    let families = open(&fs);
    let types = [
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::Histogram,
        MetricType::GaugeHistogram,
        MetricType::Summary,
        MetricType::Info,
        MetricType::StateSet,
        MetricType::Unknown,
    ];
    for metric_type in types {
        families.set(
            &format!("a_{}", metric_type.as_str()),
            &metadata(metric_type, "Zeit.\nZwei Zeilen: ü"),
        );
    }
    families.set("a_gauge", &metadata(MetricType::Gauge, "other"));
    families.save().expect("saves");
    let again = open(&fs);
    assert_eq!(again.all(), families.all());
    assert_eq!(again.all().len(), 8);
    assert_eq!(again.get("a_gauge"), Some(metadata(MetricType::Gauge, "other")));
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let faulty = FaultyFs::new(memory());
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let families = open(&fs);
    families.save().expect("saves");
    assert_eq!(faulty.calls(), 0);
    families.set("up", &metadata(MetricType::Gauge, "1 or 0"));
    families.save().expect("saves");
    let calls = faulty.calls();
    families.set("up", &metadata(MetricType::Gauge, "1 or 0"));
    families.save().expect("saves");
    open(&fs).save().expect("saves");
    assert_eq!(faulty.calls(), calls);
}

#[test]
fn a_failing_disk_leaves_the_old_file_and_is_tried_again() {
    let inner = memory();
    let faulty = FaultyFs::new(Arc::clone(&inner));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let families = open(&fs);
    families.set("up", &metadata(MetricType::Gauge, "old"));
    families.save().expect("saves");
    let mut failures = 0;
    for nth in 0..10 {
        families.set("up", &metadata(MetricType::Gauge, &format!("new {nth}")));
        faulty.fail(nth, ErrorKind::StorageFull, true);
        failures += usize::from(families.save().is_err());
        faulty.heal();
        assert_eq!(open(&inner).all().len(), 1, "{nth}");
        families.save().expect("saves");
        assert_eq!(open(&inner).get("up"), families.get("up"), "{nth}");
    }
    assert!(failures >= 4, "{failures}");
}

#[test]
fn those_set_longest_ago_make_room() {
    let fs = memory();
    let families = open(&fs);
    for i in 0..MAX_FAMILIES + 10 {
        families.set(&format!("f{i}"), &Metadata::default());
    }
    assert_eq!(families.all().len(), MAX_FAMILIES);
    assert_eq!((families.get("f9"), families.get("f10").is_some()), (None, true));
    families.save().expect("saves");
    let again = open(&fs);
    again.set("one_more", &Metadata::default());
    assert_eq!(again.get("f10"), None);
    families.set(
        "large",
        &metadata(MetricType::Gauge, &"x".repeat(MAX_FAMILY_BYTES)),
    );
    assert_eq!(families.get("large"), None);
    let help = "x".repeat(4000);
    for i in 0..5000 {
        again.set(&format!("large{i}"), &metadata(MetricType::Gauge, &help));
    }
    let all = again.all();
    let bytes: usize = all.iter().map(|(family, metadata)| size(family, metadata)).sum();
    assert!(bytes <= MAX_BYTES && all.len() < 5000, "{bytes} in {}", all.len());
}

#[test]
fn a_damaged_file_is_set_aside() {
    let fs = memory();
    let families = open(&fs);
    families.set("up", &metadata(MetricType::Gauge, "1 or 0"));
    families.save().expect("saves");
    let whole = fs.read(Path::new(PATH)).expect("reads");
    let mut random = Random::new(5);
    for _ in 0..300 {
        let mut spoilt = whole.clone();
        let at = random.below(spoilt.len() as u64) as usize;
        spoilt[at] ^= 1 << random.below(8);
        spoilt.truncate(spoilt.len() - random.below(2) as usize * random.below(spoilt.len() as u64) as usize);
        fs.create(Path::new(PATH))
            .and_then(|mut file| file.write_all(&spoilt))
            .expect("writes");
        assert!(open(&fs).all().is_empty());
        assert!(fs.exists(Path::new("/data/families.unknown")));
        assert!(!fs.exists(Path::new(PATH)));
    }
}
