//! The cost of idle consumers.

mod apart;
mod connections;
mod requests;
mod threads;
