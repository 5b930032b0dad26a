//! Failovers of real servers under load.
//!
//! A drill starts a master, two replicas and three sentinels, or a cluster, has
//! producers of all kinds add orders and consumers of all kinds handle them, strikes,
//! and looks at the end whether anything was lost, doubled, reordered or left behind.
//! It measures how long after the first sentinel names the new master, or the first
//! node's map shows it, each producer and group is back at work, and prints that in one line. `make drills ROUNDS=20` runs all of them many
//! times and prints a table.

mod bell;
mod cluster_faults;
mod consumers;
mod drill;
mod faults;
mod figures;
mod ledger;
mod many;
mod once;
mod producers;
mod servers;
mod stage;
mod verdict;
