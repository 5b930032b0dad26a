//! The library on a cluster: everything works as on one server, slots move, and
//! nodes fail.

mod crons;
mod failing;
mod finding;
mod moving;
mod outputs;
mod partitions;
mod spread;
mod support;
mod working;
