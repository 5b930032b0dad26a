//! `#[derive(StreamMessage)]`: what it writes, what it reads, what it refuses.

mod behaviour;
mod enums;
mod evolution;
mod nested;
mod round_trip;
mod schema;
mod ui;
mod values;
