//! The load of other programs: a run on a busy machine must be judged by its ratios and
//! its processor times alone.

use std::fs;
use std::time::{Duration, Instant};

use crate::Readings;
use crate::ours::rest;

/// Long enough for the ticks of `/proc/stat` to count.
const LOOK: Duration = Duration::from_millis(500);

/// The number of cores that other programs keep busy while this one does nothing.
pub(crate) fn of_others() -> Readings {
    let started = Instant::now();
    let before = busy_ticks();
    rest(LOOK);
    let after = busy_ticks();
    let ticks = before.zip(after).map(|(b, a)| a.saturating_sub(b));
    // Linux counts in hundredths of a second here, whatever the kernel's own tick.
    let busy = ticks.map(|ticks| ticks as f64 / 100.0 / started.elapsed().as_secs_f64());
    busy.map(|cores| ("others_busy_cores", cores))
        .into_iter()
        .collect()
}

/// User, nice, system, interrupts and stolen time of all cores.
fn busy_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let all: Vec<u64> = stat
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .map_while(|word| word.parse().ok())
        .collect();
    let idle = all.get(3)? + all.get(4)?;
    Some(all.iter().take(8).sum::<u64>() - idle)
}
