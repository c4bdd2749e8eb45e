//! What a process has spent, from /proc.

use std::path::Path;

/// CPU seconds and memory of a process.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) cpu_s: f64,
    pub(crate) rss_mb: f64,
    pub(crate) peak_mb: f64,
}

impl Spent {
    /// What process `pid` has spent up to now; zeros where that is not known.
    pub(crate) fn of(pid: Option<u32>) -> Spent {
        let Some(pid) = pid else { return Spent::default() };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let fields: Vec<f64> = after
            .split_whitespace()
            .map(|f| f.parse().unwrap_or(0.0))
            .collect();
        // User and system time in hundredths of a second.
        let ticks: f64 = fields.iter().skip(11).take(2).sum();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let megabytes = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            kib.unwrap_or(0.0) / 1024.0
        };
        Spent {
            cpu_s: ticks / 100.0,
            rss_mb: megabytes("VmRSS"),
            peak_mb: megabytes("VmHWM"),
        }
    }
}

/// Bytes of all files below a folder.
pub(crate) fn dir_bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => dir_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
