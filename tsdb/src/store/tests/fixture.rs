//! A block written by the first version of the format, kept in `testdata`: every later version reads it.

use std::path::PathBuf;

use durable::RealFs;

use super::*;

const FILES: [&str; 3] = ["chunks", "index", "meta"];
const NAME: &str = "0000000001_0_1000";

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join("block-v1")
}

/// A database with one block of known content, and the content.
fn written() -> (Arc<dyn Fs>, Data) {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..90i64 {
        let values = [i as f64, (i as f64).sqrt(), model::metrics::STALE_NAN];
        let mut rows: Vec<MetricRow> = (0..3).map(|s| row(s, i * 20, values[s as usize])).collect();
        if i % 7 == 6 {
            rows.push(row(0, i * 20 - 31, -0.0));
        }
        append(&tsdb, &mut rows, &mut data).unwrap();
    }
    assert_eq!(tsdb.maintain().unwrap().cut, 1);
    (fs, within(&data, 0, 999))
}

#[test]
fn the_block_of_version_1_is_read() {
    let (_, expected) = written();
    let (_, fs) = memory();
    let dir = Path::new(DIR).join("blocks").join(NAME);
    fs.create_dir_all(&dir).unwrap();
    for file in FILES {
        let bytes = RealFs.read(&testdata().join(file)).unwrap();
        fs.create(&dir.join(file)).unwrap().write_all(&bytes).unwrap();
    }
    let tsdb = open(&fs);
    assert_eq!(everything(&tsdb), expected);
    let snapshot = tsdb.snapshot(0, 1000).unwrap();
    assert_eq!(
        snapshot
            .label_values("i", &[Matcher::equal("__name__", "m2")])
            .unwrap(),
        ["2"]
    );
    let meta = &tsdb.blocks()[0];
    assert_eq!((meta.id, meta.series, meta.min_ms, meta.max_ms), (1, 3, 0, 1000));
}

#[test]
fn what_is_written_today_is_still_version_1() {
    let (fs, _) = written();
    for file in FILES {
        let today = fs
            .read(&Path::new(DIR).join("blocks").join(NAME).join(file))
            .unwrap();
        let kept = RealFs.read(&testdata().join(file)).unwrap();
        assert_eq!(
            today, kept,
            "{file} changed: raise the version and keep reading the old one"
        );
    }
}

/// Run by hand (`--ignored`) when a new version of the format gets a folder of its own.
#[test]
#[ignore = "writes the fixture"]
fn write_the_fixture() {
    let (fs, _) = written();
    std::fs::create_dir_all(testdata()).unwrap();
    for file in FILES {
        let bytes = fs
            .read(&Path::new(DIR).join("blocks").join(NAME).join(file))
            .unwrap();
        std::fs::write(testdata().join(file), bytes).unwrap();
    }
}
