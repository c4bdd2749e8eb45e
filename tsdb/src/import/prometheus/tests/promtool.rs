//! Against the real programs, where they are installed.

use std::process::Command;

use super::*;
use crate::random::Random;

#[test]
fn blocks_that_promtool_makes_read_as_it_dumps_them() {
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("SKIPPED: promtool is not installed");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let input = dir.path().join("input");
    let mut random = Random::new(23);
    let mut text = String::from("# TYPE x gauge\n# TYPE y counter\n");
    for t in 0..2000 {
        let at = 1_600_000_000 + t * 15;
        text.push_str(&format!(
            "x{{a=\"{}\",b=\"ü \\\"\\\\\"}} {} {at}.5\n",
            t % 7,
            f64::from_bits(random.next() >> 2)
        ));
        text.push_str(&format!("x{{a=\"q\"}} {} {at}\n", random.below(1000)));
        text.push_str(&format!("y_total{{path=\"/{}\"}} {} {at}\n", t % 3, t * 10));
    }
    text.push_str("# EOF\n");
    std::fs::write(&input, text).expect("a file");
    let data = dir.path().join("data");
    let run = |args: &[&std::ffi::OsStr]| {
        let output = Command::new("promtool")
            .arg("tsdb")
            .args(args)
            .output()
            .expect("installed");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    run(&[
        "create-blocks-from".as_ref(),
        "openmetrics".as_ref(),
        input.as_ref(),
        data.as_ref(),
    ]);
    let (everything, walked) = walk(&RealFs, &data).expect("readable");
    assert!(walked.len() > 3, "several blocks");
    std::fs::create_dir(data.join("wal")).expect("what the dump insists on");
    assert_eq!(everything.dump(), normal(&run(&["dump".as_ref(), data.as_ref()])));
}
