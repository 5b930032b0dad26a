//! The library behind sentinels: where it finds the master, and how it follows.

mod finding;
mod following;
mod kinds;
mod programs;
mod secured;
mod support;
