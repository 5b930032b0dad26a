//! The dashboard's server, by raw sockets: what it answers, to whom, and what it takes.

mod access;
mod changes;
mod limits;
mod looking;
mod support;
