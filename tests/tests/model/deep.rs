//! The searches of `make model`.

use std::env;
use std::time::Instant;

use crate::search::{Bounds, search};
use crate::setup::{Kind, Setup};

/// What is searched, to which depth.
const SEARCHES: &[(&str, Setup, usize)] = &[
    (
        "3 processes, 1 entry, 2 faults of any kind",
        Setup::PLAIN,
        11,
    ),
    (
        "3 processes, 1 entry, 1 fault of any kind",
        Setup {
            faults: 1,
            ..Setup::PLAIN
        },
        22,
    ),
    (
        "3 processes, 2 entries, 2 deliveries at most, 1 fault of any kind",
        Setup {
            entries: 2,
            deliveries: 2,
            faults: 1,
            ..Setup::PLAIN
        },
        11,
    ),
    (
        "2 processes, 1 entry, 2 faults of any kind",
        Setup {
            processes: 2,
            ..Setup::PLAIN
        },
        13,
    ),
    (
        "2 processes, freezes and steps of the clock",
        Setup {
            processes: 2,
            kinds: &[Kind::Freeze, Kind::Clock],
            ..Setup::PLAIN
        },
        18,
    ),
    (
        "2 processes, freezes and lost connections",
        Setup {
            processes: 2,
            kinds: &[Kind::Freeze, Kind::Lost],
            ..Setup::PLAIN
        },
        16,
    ),
    (
        "3 processes, 3 crashes and freezes",
        Setup {
            faults: 3,
            kinds: &[Kind::Freeze, Kind::Crash],
            ..Setup::PLAIN
        },
        14,
    ),
];

/// More states than this machine may have memory for.
const MOST: usize = 150_000_000;

#[test]
#[ignore = "make model"]
fn no_rule_is_broken_within_the_depth() {
    // As in `make model DEEPER=2`.
    let deeper = env::var("DEEPER").ok().and_then(|more| more.parse().ok());
    let deeper: usize = deeper.unwrap_or(0);
    let started = Instant::now();
    let (mut states, mut least) = (0, usize::MAX);
    for (what, setup, depth) in SEARCHES {
        let begun = Instant::now();
        let bounds = Bounds {
            depth: depth + deeper,
            states: MOST,
        };
        let found = search(setup, bounds, |depth, states| {
            eprint!("\r{what}: depth {depth}, {states} states");
        });
        eprintln!(", {:.0} s", begun.elapsed().as_secs_f64());
        assert!(found.fault.is_none(), "{what}: {found}");
        states += found.states;
        least = least.min(found.depth);
    }
    println!(
        "model: {states} states, depth {least} and more, {:.0} s: no fault found",
        started.elapsed().as_secs_f64()
    );
}
