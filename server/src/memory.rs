//! How much memory there is and how much of it the series store may take. Functions of text: what the kernel says in
//! `/proc` and `/sys/fs/cgroup` comes in through a function that reads files.
//!
//! The limit is that of the machine or of the control group, whichever is smaller; of groups within groups each counts.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use collector::config::ByteSize;

const MIB: u64 = 1 << 20;
/// What the store gets where nobody says: little enough not to be noticed on a machine that has other things to do, more
/// where there is plenty, and never much of a small one.
const DEFAULT_SHARE: u64 = 400;
const DEFAULT_BYTES: u64 = 64 * MIB;
const DEFAULT_MAX_SHARE: u64 = 16;
/// What a query gets at most.
const QUERY_SHARE: u64 = 8;
/// Below this the store would do nothing but flush.
const MIN_BYTES: u64 = 8 * MIB;

/// The value of `--storage.memory`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Budget {
    /// So many bytes.
    Bytes(u64),
    /// So much of what there is.
    Percent(f64),
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Budget, String> {
        if let Some(number) = text.strip_suffix('%') {
            let percent: f64 = number
                .trim()
                .parse()
                .map_err(|_| format!("{text} is no percentage"))?;
            return if percent > 0.0 && percent <= 100.0 {
                Ok(Budget::Percent(percent))
            } else {
                Err(format!("{text} is not above 0% and up to 100%"))
            };
        }
        match text.parse::<ByteSize>()?.0 {
            bytes if bytes < MIN_BYTES => Err(format!("{text} is less than {}MB", MIN_BYTES / MIB)),
            bytes => Ok(Budget::Bytes(bytes)),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::Bytes(bytes) => write!(f, "{bytes}B"),
            Budget::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Bytes for the series store: as asked for, of a machine or group with `limit` bytes.
pub(crate) fn budget(asked: Option<Budget>, limit: Option<u64>) -> u64 {
    let bytes = match (asked, limit) {
        (Some(Budget::Bytes(bytes)), _) => return bytes,
        (Some(Budget::Percent(percent)), Some(limit)) => (limit as f64 * percent / 100.0) as u64,
        (None, Some(limit)) => (limit / DEFAULT_SHARE)
            .max(DEFAULT_BYTES)
            .min(limit / DEFAULT_MAX_SHARE),
        (_, None) => DEFAULT_BYTES,
    };
    bytes.max(MIN_BYTES)
}

/// Bytes for one query: as asked for, or a share that leaves the server alive if several take all of theirs. 0, no bound,
/// where nobody knows how much there is.
pub(crate) fn query_budget(asked: Option<Budget>, limit: Option<u64>) -> u64 {
    match (asked, limit) {
        (Some(Budget::Bytes(bytes)), _) => bytes,
        (Some(Budget::Percent(percent)), Some(limit)) => (limit as f64 * percent / 100.0) as u64,
        (None, Some(limit)) => (limit / QUERY_SHARE).max(MIN_BYTES),
        (_, None) => 0,
    }
}

/// The memory that this process may use, in bytes, if the system says.
pub(crate) fn limit() -> Option<u64> {
    detect(&|path| std::fs::read_to_string(path).ok())
}

/// As [`limit`], over what `read` finds in files.
fn detect(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| mem_total(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(line, read));
    limits.chain(machine).min()
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of the group in a line `ID:CONTROLLERS:PATH` of `/proc/self/cgroup` and of those that it lies in.
/// Version 2 names no controllers. In a container the path may be that of the host, of which only the root is there.
fn group_limit(line: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (root, file) = if controllers.is_empty() {
        ("/sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return None;
    };
    let steps = Path::new(path).components();
    // Without `..`, by which the kernel writes groups outside of what this process sees.
    let steps = steps.filter(|step| matches!(step, Component::Normal(_)));
    let inner: PathBuf = steps.collect();
    let places = inner
        .ancestors()
        .map(|part| Path::new(root).join(part).join(file));
    // "max", which is no number, stands for none.
    places
        .filter_map(|place| read(&place)?.trim().parse::<u64>().ok())
        .filter(|bytes| *bytes > 0)
        .min()
}

#[cfg(test)]
mod tests;
