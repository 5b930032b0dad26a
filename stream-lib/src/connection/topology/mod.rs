//! Where keys live: the one door to all servers.
//!
//! A [`Topology`] (`door`) knows by its layout how the keys are spread. On one server
//! they all live there; behind sentinels they live on the server that is the master now
//! (`sentinel`); of a cluster, each has some of them (`cluster`). Both look for it in
//! rounds (`search`), and leave a server that was replaced a last moment (`leaving`).
//! Whole operations `run` again elsewhere where they were refused; the `masters` are all
//! that have keys. Nodes are made by a `maker`, which has everything that they share. All
//! that wait for another server, or sleep until they try again, are woken by the `news`
//! of one.

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
