use std::collections::HashMap;

use super::*;

const GIB: u64 = 1 << 30;
const MEMINFO: &str = "MemTotal:       16777216 kB\nMemFree:         1000 kB\n";

fn detected(files: &[(&str, &str)]) -> Option<u64> {
    let files: HashMap<&Path, &str> = files
        .iter()
        .map(|(path, text)| (Path::new(*path), *text))
        .collect();
    detect(&|path| files.get(path).map(|text| (*text).to_owned()))
}

#[test]
fn without_groups_it_is_the_machine() {
    assert_eq!(detected(&[("/proc/meminfo", MEMINFO)]), Some(16 * GIB));
    assert_eq!(detected(&[("/proc/meminfo", "nonsense")]), None);
    let root = [("/proc/meminfo", MEMINFO), ("/proc/self/cgroup", "0::/\n")];
    assert_eq!(detected(&root), Some(16 * GIB));
}

#[test]
fn a_group_of_version_2_and_those_around_it_bound_it() {
    let files = [
        ("/proc/meminfo", MEMINFO),
        ("/proc/self/cgroup", "0::/kube/pod/app\n"),
        ("/sys/fs/cgroup/kube/pod/app/memory.max", "max\n"),
        ("/sys/fs/cgroup/kube/pod/memory.max", "2147483648\n"),
        ("/sys/fs/cgroup/kube/memory.max", "8589934592\n"),
    ];
    assert_eq!(detected(&files), Some(2 * GIB));
}

#[test]
fn within_a_container_the_root_bounds_it() {
    let own = [
        ("/proc/meminfo", MEMINFO),
        ("/proc/self/cgroup", "0::/\n"),
        ("/sys/fs/cgroup/memory.max", "536870912\n"),
    ];
    assert_eq!(detected(&own), Some(512 * MIB));
    let hosts = [own[0], ("/proc/self/cgroup", "0::/../../docker/abc\n"), own[2]];
    assert_eq!(detected(&hosts), Some(512 * MIB));
}

#[test]
fn a_group_of_version_1_bounds_it_and_no_limit_is_a_very_large_one() {
    let groups = "5:devices:/x\n4:cpu,memory:/docker/abc\n1:name=systemd:/\n0::/\n";
    let files = |limit| {
        [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", groups),
            ("/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", limit),
        ]
    };
    assert_eq!(detected(&files("1073741824\n")), Some(GIB));
    assert_eq!(detected(&files("9223372036854771712\n")), Some(16 * GIB));
}

#[test]
fn a_budget_is_bytes_or_a_share() {
    assert_eq!("512MB".parse(), Ok(Budget::Bytes(512 * MIB)));
    assert_eq!("12.5%".parse(), Ok(Budget::Percent(12.5)));
    for wrong in ["", "12", "0", "1MB", "0%", "101%", "x%", "-5%", "NaN%"] {
        assert!(wrong.parse::<Budget>().is_err(), "{wrong}");
    }
    assert_eq!(budget(Some(Budget::Bytes(GIB)), Some(GIB)), GIB);
    assert_eq!(budget(Some(Budget::Percent(25.0)), Some(4 * GIB)), GIB);
    assert_eq!(budget(Some(Budget::Percent(1.0)), Some(GIB / 4)), MIN_BYTES);
}

#[test]
fn the_default_is_modest_on_machines_small_and_large() {
    assert_eq!(budget(None, Some(16 * GIB)), 64 * MIB);
    assert_eq!(budget(None, Some(400 * GIB)), GIB);
    assert_eq!(budget(None, Some(512 * MIB)), 32 * MIB);
    assert_eq!(budget(None, Some(64 * MIB)), MIN_BYTES);
    assert_eq!(budget(None, None), 64 * MIB);
}
