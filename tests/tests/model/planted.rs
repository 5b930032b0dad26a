//! Planted bugs that the search finds.

use crate::bug::Bug;
use crate::search::{Bounds, search};
use crate::setup::{Kind, Setup};

/// A bug, and what it takes to find it: kinds of faults, how many of them, deliveries.
type Planted = (Bug, &'static [Kind], u8, u8);

/// Those that show within a second or so of a debug build.
const SOON: &[Planted] = &[
    (Bug::RenewsForAnyone, &[Kind::Cap], 1, 3),
    (Bug::ParksForAnyone, &[Kind::Lost], 1, 3),
    (Bug::CommitsForAnyone, &[Kind::Cap], 1, 3),
    (Bug::BuriesForAnyone, &[Kind::Lost], 1, 3),
    (Bug::IgnoresIdle, &[Kind::Slow], 1, 3),
    (Bug::CountsSpent, &[Kind::Crash], 2, 2),
    (Bug::AcksLongAfter, &[Kind::Freeze], 1, 3),
    (Bug::ForgetsAnswers, &[Kind::Lost], 1, 3),
    (Bug::TakesOverAfterStep, &[Kind::Clock], 1, 3),
    (Bug::KeepsLock, &[Kind::Crash], 1, 2),
];

/// The others.
const LATER: &[Planted] = &[
    (Bug::ParksAnyDelivery, &[Kind::Lost, Kind::Slow], 2, 3),
    (Bug::IgnoresClock, &[Kind::Clock, Kind::Freeze], 2, 3),
    (
        Bug::AcksForThreeQuarters,
        &[Kind::Clock, Kind::Freeze],
        2,
        3,
    ),
    (Bug::ConfirmsTheLost, &[Kind::Freeze, Kind::Lost], 2, 3),
    (Bug::SignsAloneDecide, &[Kind::Clock, Kind::Freeze], 2, 3),
    (Bug::LeavesOutTheLast, &[Kind::Late], 2, 3),
];

/// Finds a bug, tells the shortest path to it, and that nothing is found without it.
#[track_caller]
fn find((bug, kinds, faults, deliveries): Planted, ends: u64) {
    let sound = Setup {
        processes: 2,
        entries: if bug == Bug::KeepsLock { 2 } else { 1 },
        deliveries,
        faults,
        kinds,
        bug: None,
        ends,
    };
    let setup = Setup {
        bug: Some(bug),
        ..sound
    };
    let found = search(&setup, Bounds::depth(24), |_, _| {});
    println!("{bug:?}: {found}");
    assert!(found.fault.is_some(), "{bug:?} is not found: {found}");
    let without = search(&sound, Bounds::depth(found.depth), |_, _| {});
    assert!(without.fault.is_none(), "without {bug:?}: {without}");
}

#[test]
fn planted_bugs_are_found_by_their_shortest_paths() {
    for planted in SOON {
        find(*planted, 1);
    }
}

#[test]
#[ignore = "make model"]
fn planted_bugs_that_take_longer_are_found() {
    for planted in LATER {
        find(*planted, 64);
    }
}

#[test]
fn every_bug_is_planted() {
    for bug in Bug::ALL {
        let planted = SOON.iter().chain(LATER).filter(|(other, ..)| *other == bug);
        assert_eq!(planted.count(), 1, "{bug:?}");
    }
}
