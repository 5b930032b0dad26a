//! The commands of the server, by its own count and clock.

use crate::Result;
use crate::rig::Rig;

/// All commands since the start of the server. Commands within scripts count by
/// themselves, and their time for the script, too.
pub(super) struct Commands {
    pub(super) calls: f64,
    pub(super) micros: f64,
    /// The time of scripts, with the commands within.
    pub(super) script_micros: f64,
}

impl Commands {
    /// Counts them without this request.
    pub(super) fn of(rig: &Rig) -> Result<Self> {
        let about: String = rig.server().try_command(&["INFO", "commandstats"])?;
        let mut all = Self {
            calls: 0.0,
            micros: 0.0,
            script_micros: 0.0,
        };
        for line in about.lines().filter(|line| !line.contains("_info:")) {
            let number = |name: &str| {
                let (_, rest) = line.split_once(name)?;
                rest.split(',').next()?.parse::<f64>().ok()
            };
            let micros = number(",usec=").unwrap_or(0.0);
            all.calls += number(":calls=").unwrap_or(0.0);
            all.micros += micros;
            if line.starts_with("cmdstat_eval") {
                all.script_micros += micros;
            }
        }
        Ok(all)
    }
}
