//! Connections to Redis, from the outside in: [`Topology`] knows which [`Node`] serves a
//! key, and lends connections to it; a connection is a [`Wire`], the only type that talks
//! to a server. A [`Link`] is a thread's own connection, which is made again after
//! failures; [`Loans`] lend connections that threads share.
//!
//! One table, `answer.rs`, decides on the meaning of the server's error lines: whether
//! the request has written anything, whether the connection may be used again, and
//! whether the request may be sent again, for which [`Retry`] has the pauses.
//!
//! Below a wire are the byte stream with its deadlines, and the scanner that
//! turns bytes into a [`Reply`]. Values stay where they were read: a reply is
//! bytes and [`Token`]s with offsets into them.

mod link;
mod loans;
mod topology;

mod attempts;
mod gate;
mod node;
mod pool;
mod retry;
mod shared;
mod silent;
mod stoppers;

mod asking;
mod cold;
mod credentials;
mod exchange;
mod follow;
mod handshake;
mod naming;
mod reauth;
mod role;
mod standing;
mod wire;

mod buffer;
mod byte_stream;
mod deadline;
mod endpoint;
mod glance;
mod guide;
mod lookup;
mod slots;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_trouble;

mod answer;
mod redirect;
mod reply;
mod scan;
mod server_error;

#[cfg(test)]
mod tests;

pub(crate) use self::deadline::Deadline;
pub(crate) use self::link::{Link, LinkHandle};
pub(crate) use self::loans::Loans;
#[cfg(test)]
pub(crate) use self::lookup::black_hole;
pub(crate) use self::node::Node;
pub(crate) use self::pool::PooledWire;
pub(crate) use self::redirect::{is_asked_elsewhere, is_on_its_way};
pub(crate) use self::reply::{Reply, ReplyRef};
pub(crate) use self::retry::Retry;
pub(crate) use self::scan::{Limits, Progress, Scanner, Token};
pub(crate) use self::server_error::{ServerError, answer_of, from_redis};
pub(crate) use self::silent::SilentNodes;
pub(crate) use self::socket::Stopper;
pub(crate) use self::topology::Topology;
pub(crate) use self::wire::{USUAL_REPLY, Wire};
