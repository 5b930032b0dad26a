//! The library against a real server: managers, producers and consumer groups.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod access;
mod adding;
mod adding_to_the_end;
mod anyhow_handlers;
mod batches;
mod broken_deleting;
mod broken_errors;
mod broken_headers;
mod broken_keys;
mod broken_stops;
mod buffering;
mod by_value;
mod clock_steps;
mod closed_while_idle;
mod coalescing;
mod consuming;
mod credentials;
mod credentials_due;
mod dead_letter_bounds;
mod dead_letters;
mod defaults;
mod demoted;
mod dependencies;
mod dropping;
mod duplicates;
mod events;
mod failing;
mod failure_log;
mod flapping;
mod fork_names;
mod forking;
mod healing;
mod hooks;
mod hostile;
mod idle;
mod json_numbers;
mod keeping;
mod large_dead_letters;
mod large_replies;
mod leases;
mod log_causes;
mod lossy_relay;
mod lost_answers;
mod manager;
mod members;
mod memory_full;
mod missing_commands;
mod one_delivery;
mod open_enums;
mod other_answers;
mod redriving;
mod removing;
mod replicas;
mod script_rules;
mod send_timeout;
mod sending;
mod server;
mod skipping;
mod slow_links;
mod starting;
mod stopping;
mod stopping_itself;
mod stopping_without_redis;
mod streams;
mod support;
mod takeover_turn;
mod thread_limit;
mod tls;
mod too_large;
mod undecodable;
