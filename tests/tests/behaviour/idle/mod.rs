//! The cost of idle consumers.

mod apart;
mod connections;
mod monitor;
mod requests;
mod threads;
