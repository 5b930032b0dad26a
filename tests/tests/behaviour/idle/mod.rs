//! The cost of consumers that have nothing to do.

mod monitor;
mod requests;
