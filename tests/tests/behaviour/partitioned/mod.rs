//! Consumers of a stream with partitions: ownership of partitions; all else is as without
//! partitions.

mod changing;
mod handling;
mod leaving;
mod sharing;
mod support;
