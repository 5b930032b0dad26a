//! The only place that names a Redis command: typed operations on a connection.

mod add;
mod batch;
mod claim;
mod drain;
mod entries;
mod facts;
mod group;
mod pack;
mod preflight;
mod read;
mod reply;
mod route;
mod script;
mod server;
mod settle;

pub(crate) use self::add::add;
pub(crate) use self::batch::Batch;
pub(crate) use self::claim::{Claimed, TakeOver, claim_due, recover, take_over};
pub(crate) use self::drain::{DrainLease, DrainState, Drained};
pub(crate) use self::entries::Entries;
pub(crate) use self::facts::{GroupFacts, pending_of, stream_facts};
pub(crate) use self::group::{Group, MakeGroup, group_lost, unblock};
pub(crate) use self::preflight::preflight;
pub(crate) use self::read::Read;
pub(crate) use self::route::{Placed, Routing, add_once, route};
pub(crate) use self::server::{Server, warn_of_eviction};
pub(crate) use self::settle::{Burial, Held, Parking, ack, ack_held, bury, park, renew};
