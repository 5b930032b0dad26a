//! The one access to all servers.
//!
//! A [`Topology`] (`door`) knows by its layout how keys are spread. With one server, all
//! keys are there; behind sentinels, they are on the server that is the master now
//! (`sentinel`); in a cluster, each node has some of them (`cluster`). Both look for it in
//! rounds (`search`), and leave a replaced server a last moment (`leaving`). Whole
//! operations `run` again elsewhere if they were refused; the `masters` are all servers
//! that have keys. A `maker` makes nodes and has their shared parts. The `news` of another
//! server wakes all callers that wait for one, or sleep until they retry.

mod cluster;
mod door;
mod leaving;
mod maker;
mod masters;
mod news;
mod run;
mod search;
mod sentinel;

pub(crate) use self::door::Topology;
