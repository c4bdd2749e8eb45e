use std::collections::BTreeMap;

use durable::{MemoryFs, RealFs};
use model::{Labels, ManualClock};

use super::*;
use crate::alert::{Alert, AlertStatus, Fingerprint};
use crate::config::Config;
use crate::matchers::{Matchers, parse_matchers};
use crate::nflog::LogKey;
use crate::silence::NewSilence;

const RESOLVE_TIMEOUT_MS: i64 = 300_000;

fn core(kept: Kept, now_ms: i64) -> Mutex<Core> {
    let config = Config::parse("route: {receiver: a}\nreceivers: [{name: a}]\n").unwrap();
    Mutex::new(Core::restore(Arc::new(config), kept, now_ms))
}

fn alert(name: &str, ends_at_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Labels::from_pairs([("summary", "ü\n\"")]),
        starts_at_ms: 1000,
        ends_at_ms,
        generator_url: "http://x/".to_owned(),
        updated_at_ms: 1000,
    }
}

fn files(fs: &Arc<dyn Fs>, clock: &Arc<ManualClock>) -> Files {
    Files::open(fs.clone(), PathBuf::from("/state"), clock.clone()).unwrap()
}

fn key() -> LogKey {
    LogKey {
        group: "{}:{alertname=\"X\"}".to_owned(),
        receiver: "a/webhook/0".to_owned(),
    }
}

fn filled(core: &Mutex<Core>, now_ms: i64) -> String {
    let mut core = core.lock();
    core.accept(
        vec![alert("fires", now_ms + 1000), alert("ended", now_ms)],
        now_ms,
    );
    core.log.record(
        key(),
        vec![Fingerprint(u64::MAX)],
        vec![Fingerprint(7)],
        1000,
        now_ms,
    );
    core.changed.log = true;
    let asked = NewSilence {
        id: None,
        matchers: Matchers::new(parse_matchers("a=~\"x|y\",b!=c").unwrap()),
        starts_at_ms: now_ms,
        ends_at_ms: now_ms + 1000,
        created_by: "ann".to_owned(),
        comment: "c".to_owned(),
        annotations: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
    };
    core.set_silence(asked, now_ms).unwrap()
}

#[test]
fn everything_comes_back() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::new());
    let clock = Arc::new(ManualClock::at(5000));
    let before = core(Kept::default(), 5000);
    let id = filled(&before, 5000);
    files(&fs, &clock).save_changed(&before).unwrap();
    let kept = files(&fs, &clock).load(60_000, RESOLVE_TIMEOUT_MS).unwrap();
    assert_eq!(kept.silences.get(&id), before.lock().silences.get(&id));
    assert_eq!(kept.log.get(&key()), before.lock().log.get(&key()));
    let status = |name: &str| {
        let stored = kept
            .alerts
            .iter()
            .find(|stored| stored.alert.name() == name)
            .unwrap();
        (stored.alert.status(60_000), stored.alert.ends_at_ms)
    };
    assert_eq!(status("ended"), (AlertStatus::Resolved, 5000));
    assert_eq!(
        status("fires"),
        (AlertStatus::Firing, 60_000 + RESOLVE_TIMEOUT_MS),
        "its sender gets time to speak"
    );
}

#[test]
fn only_what_changed_is_written() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::new());
    let clock = Arc::new(ManualClock::at(5000));
    let before = core(Kept::default(), 5000);
    filled(&before, 5000);
    let files = files(&fs, &clock);
    files.save_silences(&before).unwrap();
    assert!(fs.exists(Path::new("/state/silences")) && !fs.exists(Path::new("/state/nflog")));
    files.save_changed(&before).unwrap();
    fs.remove_file(Path::new("/state/nflog")).unwrap();
    files.save_changed(&before).unwrap();
    assert!(
        !fs.exists(Path::new("/state/nflog")),
        "nothing changed in between"
    );
}

#[test]
fn a_failed_write_is_made_up_for() {
    let faulty = Arc::new(durable::FaultyFs::new(Arc::new(MemoryFs::new())));
    let fs: Arc<dyn Fs> = faulty.clone();
    let clock = Arc::new(ManualClock::at(5000));
    let before = core(Kept::default(), 5000);
    filled(&before, 5000);
    let files = files(&fs, &clock);
    faulty.fail(0, std::io::ErrorKind::StorageFull, true);
    assert!(files.save_changed(&before).is_err());
    faulty.heal();
    files.save_changed(&before).unwrap();
    assert_eq!(files.load(5000, RESOLVE_TIMEOUT_MS).unwrap().alerts.len(), 2);
}

#[test]
fn a_corrupt_file_is_set_aside_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let clock = Arc::new(ManualClock::at(5000));
    let files = Files::open(fs.clone(), dir.path().join("am"), clock).unwrap();
    let before = core(Kept::default(), 5000);
    filled(&before, 5000);
    files.save_changed(&before).unwrap();
    let path = dir.path().join("am/nflog");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let kept = files.load(5000, RESOLVE_TIMEOUT_MS).unwrap();
    assert_eq!((kept.log.iter().count(), kept.alerts.len()), (0, 2));
    assert!(dir.path().join("am/nflog.corrupt").exists() && !path.exists());
}

#[test]
fn every_cut_of_a_file_is_noticed_or_harmless() {
    let whole = encode("nflog", 1, &[LogRecord::from((&key(), &sample()))]).unwrap();
    assert_eq!(decode::<LogRecord>("nflog", &whole).unwrap().1.len(), 1);
    assert!(decode::<LogRecord>("silences", &whole).is_err());
    for cut in 0..whole.len() {
        let read = decode::<LogRecord>("nflog", &whole[..cut]);
        assert!(
            read.is_err() || read.is_ok_and(|(_, records)| records.is_empty()),
            "cut at {cut}"
        );
    }
}

fn sample() -> crate::nflog::LogEntry {
    crate::nflog::LogEntry {
        firing: vec![Fingerprint(1)],
        resolved: vec![],
        at_ms: 1,
        expires_ms: 2,
    }
}
