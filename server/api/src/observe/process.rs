//! What the operating system says of this process, under the names all Prometheus clients use. Linux.

/// Readings of `/proc/self`; absent where it cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
}

impl Process {
    /// Reads them now.
    pub(super) fn read() -> Process {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        let mut process = parse(
            &read("stat"),
            &read("limits"),
            rustix::param::clock_ticks_per_second() as f64,
        );
        process.open_fds = std::fs::read_dir("/proc/self/fd")
            .ok()
            .map(|dir| dir.count() as u64);
        process
    }
}

/// Source: proc(5). The name in field 2 of `stat` can hold spaces, so fields count from its closing bracket.
fn parse(stat: &str, limits: &str, ticks_per_second: f64) -> Process {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
    let ticks = number(14).zip(number(15)).map(|(user, system)| user + system);
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    Process {
        cpu_seconds: ticks.map(|ticks| ticks as f64 / ticks_per_second),
        virtual_bytes: number(23),
        resident_bytes: number(24).map(|pages| pages * rustix::param::page_size() as u64),
        open_fds: None,
        max_fds: soft
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|text| text.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_a_name_with_spaces_and_brackets() {
        let stat =
            "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 100 8192 3 18446744073709551615";
        let process = parse(
            stat,
            "Max open files            1024                 4096      files\n",
            100.0,
        );
        assert_eq!(process.cpu_seconds, Some(3.0));
        assert_eq!(process.virtual_bytes, Some(8192));
        assert_eq!(
            process.resident_bytes,
            Some(3 * rustix::param::page_size() as u64)
        );
        assert_eq!(process.max_fds, Some(1024));
    }

    #[test]
    fn this_process_takes_memory_and_has_files_open() {
        let process = Process::read();
        assert!(
            process.resident_bytes > Some(100_000) && process.open_fds > Some(2),
            "{process:?}"
        );
    }
}
