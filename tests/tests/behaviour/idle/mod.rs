//! The cost of consumers that have nothing to do.

mod connections;
mod monitor;
mod requests;
