//! Connections to Redis, from the outside in: [`Topology`] knows which
//! [`Node`] serves a key; a node lends pooled connections and opens dedicated
//! ones; a connection is a [`Wire`], the only type that talks to a server. A
//! [`Link`] is a thread's own connection, which is made again after failures.
//!
//! Below a wire are the byte stream with its deadlines, and the scanner that
//! turns bytes into a [`Reply`]. Values stay where they were read: a reply is
//! bytes and [`Token`]s with offsets into them.

mod link;
mod topology;

mod pool;

mod cold;
mod credentials;
mod handshake;
mod reauth;
mod wire;

mod buffer;
mod byte_stream;
mod deadline;
mod endpoint;
mod glance;
mod lookup;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_trouble;

mod reply;
mod scan;
mod server_error;

#[cfg(test)]
mod tests;

pub(crate) use self::deadline::Deadline;
pub(crate) use self::link::{Link, LinkHandle};
#[cfg(test)]
pub(crate) use self::lookup::black_hole;
pub(crate) use self::pool::PooledWire;
pub(crate) use self::reply::{Reply, ReplyRef};
pub(crate) use self::scan::{Limits, Progress, Scanner, Token};
pub(crate) use self::server_error::{ServerError, from_redis};
pub(crate) use self::topology::{Node, Topology};
pub(crate) use self::wire::{Stopper, Wire};
