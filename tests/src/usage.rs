//! The usage of a process, read from `/proc`.

use std::fs;
use std::time::Duration;

/// The processor time and the memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time so far, of all threads, in user and kernel mode. Comes in
    /// steps of a clock tick, mostly 10 ms.
    pub cpu_time: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

impl Usage {
    /// Reads the usage of a running process; `None` where there is no such
    /// process or no `/proc`.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(Self {
            cpu_time: cpu_time(&stat, rustix::param::clock_ticks_per_second())?,
            resident: resident(&status)?,
        })
    }
}

/// Fields 14 and 15 of `stat`. The second field is the program's name in
/// brackets and may hold anything, so counting starts behind the last bracket.
fn cpu_time(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let nanos = (user + system).checked_mul(1_000_000_000)? / ticks_per_second.max(1);
    Some(Duration::from_nanos(nanos))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_in_the_program_name_is_no_trap() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4 100 0 0 0 150 50 0 0 20 0 5 0 9 1 2";
        assert_eq!(cpu_time(stat, 100), Some(Duration::from_secs(2)));
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(resident("VmPeak:\t 9 kB\n"), None);
    }
}
