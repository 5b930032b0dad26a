//! The cost of consumers that have nothing to do.

mod apart;
mod connections;
mod monitor;
mod requests;
mod threads;
