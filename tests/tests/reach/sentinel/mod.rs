//! The library behind sentinels: it finds the master, and follows failovers.

mod finding;
mod following;
mod kinds;
mod programs;
mod secured;
mod support;
