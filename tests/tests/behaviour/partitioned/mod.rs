//! Consumers of a stream with partitions: which of them each owns, and that everything
//! else is as without.

mod changing;
mod handling;
mod leaving;
mod sharing;
mod support;
