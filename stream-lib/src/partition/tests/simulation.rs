//! Joins, leaves, crashes and freezes, in groups of 2 to 50 members and with 1 to 256
//! partitions: how many partitions move, and how soon all is fair again.

use super::group::{Group, LEASE, Random};

/// In the clock of the simulation: members look about once a second.
const SOON: u64 = 3_000;

const SIZES: [usize; 6] = [2, 3, 7, 13, 20, 50];
const COUNTS: [u16; 4] = [1, 4, 32, 256];

fn each(mut check: impl FnMut(Group)) {
    for members in SIZES {
        for partitions in COUNTS {
            let seed = 1_000 * u64::from(partitions) + members as u64;
            check(Group::settled(members, partitions, seed));
        }
    }
}

#[test]
fn a_newcomer_gets_its_share_and_nothing_else_moves() {
    each(|mut group| {
        group.join("newcomer");
        let took = group.settle();
        assert!(took <= SOON, "{took} ms");
        assert_eq!(group.moves, group.owned_by("newcomer"));
    });
}

#[test]
fn only_what_one_had_that_leaves_moves() {
    each(|mut group| {
        let leaver = group.any();
        let had = group.owned_by(&leaver);
        group.leave(&leaver);
        let took = group.settle();
        assert!(took <= SOON, "{took} ms");
        assert_eq!(group.moves, had);
    });
}

#[test]
fn only_what_one_had_that_crashes_moves_when_its_lease_is_over() {
    each(|mut group| {
        group.run(7_770);
        let dead = group.any();
        let had = group.owned_by(&dead);
        group.crash(&dead);
        let took = group.settle();
        assert!(took <= LEASE + SOON, "{took} ms");
        assert_eq!(group.moves, had);
    });
}

#[test]
fn one_that_was_frozen_for_long_comes_back_as_a_newcomer() {
    each(|mut group| {
        let frozen = group.any();
        let had = group.owned_by(&frozen);
        group.freeze(&frozen, 3 * LEASE);
        group.run(3 * LEASE);
        let without = group.moves;
        assert!(without == had || group.size() == 1, "{without} of {had}");
        let took = group.settle();
        assert!(took <= SOON, "{took} ms");
        assert!(
            group.moves - without <= had,
            "{} after {had}",
            group.moves - without
        );
    });
}

#[test]
fn one_that_was_frozen_for_less_than_its_lease_keeps_what_it_has() {
    each(|mut group| {
        let frozen = group.any();
        group.freeze(&frozen, LEASE / 2);
        group.run(LEASE);
        assert_eq!(group.moves, 0);
        assert!(group.is_fair());
    });
}

#[test]
fn members_that_start_together_are_fair_soon() {
    for members in SIZES {
        for partitions in COUNTS {
            let mut group = Group::new(partitions, 7);
            for n in 0..members {
                group.join(&format!("member-{n}"));
            }
            let took = group.settle();
            assert!(took <= SOON, "{took} ms");
            assert_eq!(group.moves, 0, "{members} members, {partitions} partitions");
        }
    }
}

#[test]
fn a_rolling_restart_moves_each_partition_about_twice() {
    for partitions in [16, 256] {
        let mut group = Group::settled(20, partitions, 5);
        for n in 0..20 {
            group.leave(&format!("member-{n}"));
            group.run(2_000);
            group.join(&format!("another-{n}"));
            group.run(5_000);
        }
        group.settle();
        let most = 3 * usize::from(partitions);
        assert!(group.moves <= most, "{} of {partitions}", group.moves);
    }
}

#[test]
fn changes_that_overlap_move_no_more_than_each_by_itself() {
    let (mut moves, mut alone) = (0, 0);
    for seed in 0..6 {
        let mut group = Group::settled(20, 256, seed);
        let mut random = Random(seed + 99);
        for n in 0..40 {
            // Often before the last change is settled.
            match random.below(4) {
                0 | 1 if group.size() < 50 => {
                    group.join(&format!("late-{seed}-{n}"));
                    alone += 256 / group.size();
                }
                2 if group.size() > 2 => {
                    let leaver = group.any();
                    alone += group.owned_by(&leaver);
                    group.leave(&leaver);
                }
                _ if group.size() > 2 => {
                    let dead = group.any();
                    alone += group.owned_by(&dead);
                    group.crash(&dead);
                }
                _ => {}
            }
            group.run(random.below(2 * SOON));
        }
        group.settle();
        moves += group.moves;
    }
    assert!(moves <= alone, "{moves} moves, {alone} one by one");
}

#[test]
fn twenty_members_and_256_partitions_have_the_figures_that_are_documented() {
    let runs = 10;
    let (mut joins, mut leaves, mut crashes, mut slowest) = (0, 0, 0, 0);
    for seed in 0..runs {
        let mut group = Group::settled(20, 256, seed);
        group.join("newcomer");
        slowest = slowest.max(group.settle());
        joins += group.moves;
        let mut group = Group::settled(20, 256, seed);
        let leaver = group.any();
        group.leave(&leaver);
        slowest = slowest.max(group.settle());
        leaves += group.moves;
        let mut group = Group::settled(20, 256, seed);
        let dead = group.any();
        group.crash(&dead);
        slowest = slowest.max(group.settle().saturating_sub(LEASE));
        crashes += group.moves;
    }
    let runs = usize::try_from(runs).unwrap();
    // ⌊256 / 21⌋ is 12, and ⌊256 / 20⌋, too: no fewer can move.
    for moves in [joins, leaves, crashes] {
        assert!(moves <= 13 * runs, "{moves} in {runs}");
    }
    assert!(slowest <= SOON, "{slowest} ms");
}
