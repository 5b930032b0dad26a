//! The table on standard output.

use std::fmt::Write;

use super::figure::{Figure, Goal};
use crate::rounds::Found;

/// Load of other programs, in cores, from which it spoils the figures.
const BUSY: f64 = 0.1;

pub(super) fn render(
    found: &Found,
    figures: &[Figure],
    rates: &[(&'static str, [f64; 3])],
) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(
        out,
        "\n{}, {} rounds of {} entries; medians, with the lowest and the highest round\n",
        found.server,
        found.rounds.len(),
        found.plan.bulk
    );
    let busy = rates.iter().find(|(name, _)| *name == "others_busy_cores");
    if let Some((_, [_, cores, _])) = busy
        && *cores > BUSY
    {
        let _ = writeln!(
            out,
            "Others kept {cores:.1} cores of this machine busy meanwhile: rates and latencies say \
             little, and ratios of processor times most.\n"
        );
    }
    let _ = writeln!(
        out,
        "{:<36} {:>9} {:>9}   {:<19} reached",
        "figure", "goal", "median", "rounds"
    );
    for figure in figures {
        let goal = match figure.goal {
            Goal::AtLeast(goal) => format!("≥ {goal}"),
            Goal::AtMost(goal) => format!("≤ {goal}"),
        };
        let _ = match &figure.value {
            Ok([lowest, median, highest]) => writeln!(
                out,
                "{:<36} {goal:>9} {median:>9.3}   {:<19} {}",
                figure.key,
                format!("{lowest:.3} … {highest:.3}"),
                if figure.goal.is_met_by(*median) {
                    "yes"
                } else {
                    "NO"
                }
            ),
            Err(why) => writeln!(
                out,
                "{:<36} {goal:>9} {:>9}   {}",
                figure.key,
                "–",
                why.lines().next().unwrap_or_default()
            ),
        };
    }
    let _ = writeln!(out, "\n{:<36} {:>12}   rounds", "reading", "median");
    for (name, [lowest, median, highest]) in rates {
        let _ = writeln!(
            out,
            "{name:<36} {:>12}   {} … {}",
            number(*median),
            number(*lowest),
            number(*highest)
        );
    }
    out
}

/// Big numbers without a fraction, small ones with three digits of it.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
