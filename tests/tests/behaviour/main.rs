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
mod by_value;
mod coalescing;
mod consuming;
mod dead_letter_bounds;
mod dead_letters;
mod defaults;
mod dependencies;
mod dropping;
mod duplicates;
mod events;
mod failing;
mod failure_log;
mod healing;
mod hooks;
mod hostile;
mod json_numbers;
mod leases;
mod log_causes;
mod manager;
mod members;
mod one_delivery;
mod open_enums;
mod redriving;
mod removing;
mod sending;
mod server;
mod skipping;
mod starting;
mod stopping;
mod stopping_itself;
mod streams;
mod support;
