//! The protocol of leases, as an explicit-state model: processes that read, renew, park,
//! claim, take over, acknowledge, bury, and write outputs in one step with the
//! acknowledgement, in every order, with crashes, freezes, flushes, lost and late
//! requests and answers, and a server whose clock is set.
//!
//! [`server`] does what the scripts of `stream-lib/src/command/scripts` do, each in one
//! step; [`process`] has what a consumer knows, and [`asks`] what its threads ask for; [`action`] has
//! the steps from one state to others; [`rules`] says what must hold, and [`ending`] that
//! every entry comes to its end; [`search`] visits all states, breadth first. [`bug`]
//! has bugs to plant, each of which is found.
//!
//! `make model` goes deep; `cargo test` goes a few steps. Neither needs a server.
//!
//! # What it leaves out
//!
//! Stops, holds of a group, rates, and entries that are deleted. The clock is set once in
//! a lease at most. A claim whose answer brings nothing is never late.
#![expect(
    clippy::indexing_slicing,
    reason = "processes, entries and slots are numbered, and the arrays as long as that"
)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "all numbers are far below a hundred"
)]
#![expect(
    clippy::large_types_passed_by_value,
    clippy::struct_excessive_bools,
    clippy::trivially_copy_pass_by_ref,
    reason = "a state is a small plain thing, which is copied all the time"
)]

mod accept;
mod action;
mod asks;
mod bug;
mod claims;
mod deep;
mod doing;
mod ending;
mod ends;
mod planted;
mod process;
mod request;
mod rules;
mod search;
mod server;
mod setup;
mod world;

use self::search::{Bounds, search};
use self::setup::Setup;

/// Searches, and fails where a rule is broken. Few steps: debug builds are slow.
#[track_caller]
fn is_clean(setup: Setup, depth: usize) {
    let found = search(&setup, Bounds::depth(depth), |_, _| {});
    assert!(found.fault.is_none(), "{found}");
    assert!(found.is_whole || found.depth == depth, "{found}");
}

#[test]
fn three_processes_break_no_rule_within_a_few_steps_and_two_faults() {
    is_clean(Setup::PLAIN, 6);
}

#[test]
fn entries_that_run_alone_break_no_rule_within_a_few_steps() {
    let setup = Setup {
        entries: 2,
        deliveries: 2,
        ..Setup::PLAIN
    };
    is_clean(setup, 5);
}

#[test]
fn all_that_can_come_of_a_crash_breaks_no_rule() {
    let setup = Setup {
        processes: 2,
        faults: 1,
        kinds: &[setup::Kind::Crash],
        ..Setup::PLAIN
    };
    let found = search(&setup, Bounds::depth(60), |_, _| {});
    assert!(found.fault.is_none() && found.is_whole, "{found}");
}
