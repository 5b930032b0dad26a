//! Drills, each once. The others are in `make drills`, and have counterparts in the tests
//! of `sentinel`.

use parking_lot::Mutex;

use super::drill::Drill;

/// One drill at a time: two of them would measure each other.
static TURN: Mutex<()> = Mutex::new(());

fn once(name: &str) {
    let _turn = TURN.lock();
    // On a busy machine some runs don't count.
    for round in 1..=3 {
        match Drill::named(name).run(round) {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

#[test]
fn a_killed_master_is_left_for_the_new_one() {
    once("kill");
}

#[test]
fn a_frozen_master_is_not_gone_back_to() {
    once("freeze");
}

#[test]
fn a_master_that_is_back_at_once_is_used_on() {
    once("restart");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_planned_failover_fails_no_add() {
    once("planned");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_coordinated_failover_loses_nothing() {
    once("coordinated");
}

#[test]
#[ignore = "`make drills` runs it"]
fn one_sentinel_is_enough_to_find_the_new_master() {
    once("lonely");
}

#[test]
fn a_stale_sentinel_misleads_nobody() {
    once("stale");
}

#[test]
fn a_master_in_the_minority_is_left() {
    once("minority");
}

#[test]
#[ignore = "`make drills` runs it"]
#[cfg(target_os = "linux")]
fn addresses_that_can_not_be_reached_are_mapped() {
    once("unreachable");
}

#[test]
#[ignore = "`make drills` runs it"]
fn scripts_are_loaded_again_and_again() {
    once("forgetful");
}

#[test]
#[ignore = "`make drills` runs it"]
fn what_all_replicas_have_is_not_lost() {
    once("replicated");
}

#[test]
fn a_planned_failover_loses_nothing_that_all_replicas_have() {
    once("planned-replicated");
}

#[test]
fn what_not_all_replicas_have_is_not_confirmed() {
    once("half-replicated");
}

#[test]
fn a_killed_node_is_left_for_its_replica() {
    once("cluster-kill");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_frozen_node_is_not_gone_back_to() {
    once("cluster-freeze");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_node_that_is_back_at_once_is_used_on() {
    once("cluster-restart");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_node_that_comes_back_empty_is_filled_again() {
    once("cluster-empty");
}

#[test]
fn a_planned_failover_in_a_cluster_fails_no_add() {
    once("cluster-planned");
}

#[test]
fn a_slot_that_moves_takes_everything_along() {
    once("cluster-reshard");
}

#[test]
#[ignore = "`make drills` runs it"]
fn a_slot_that_moves_at_once_takes_everything_along() {
    once("cluster-atomic");
}

#[test]
#[ignore = "`make drills` runs it"]
fn what_the_replica_of_a_node_has_is_not_lost() {
    once("cluster-replicated");
}
