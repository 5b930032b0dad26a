//! The only place that names a Redis command: typed operations on a connection.

mod add;
mod beat;
mod claim;
mod dead;
mod delete;
mod drain;
mod entries;
mod extras;
mod facts;
mod group;
mod lock;
#[cfg(feature = "test-util")]
mod made_up;
mod outgoing;
mod pack;
mod preflight;
mod read;
mod reply;
pub(crate) mod reserved;
mod retain;
mod route;
mod script;
mod server;
mod settle;
#[cfg(feature = "spool")]
mod spooled;

pub(crate) use self::add::{pack_adds, receive_ids};
pub(crate) use self::beat::beat;
pub(crate) use self::claim::{Claimed, TakeOver, claim_due, recover, take_over};
pub(crate) use self::dead::{
    Redriven, dead_letters, newest_dead_letter, redrive, remove_dead_letters,
    remove_dead_letters_until,
};
pub(crate) use self::delete::{delete_stream, ensure_deletable};
pub(crate) use self::drain::{DrainLease, DrainState, Drained};
pub(crate) use self::entries::Entries;
pub(crate) use self::extras::Extras;
pub(crate) use self::facts::{GroupFacts, length, pending_of, stream_facts};
pub(crate) use self::group::{Group, MakeGroup, group_lost, unblock};
pub(crate) use self::lock::{hold_lock, release_lock};
pub(crate) use self::outgoing::Outgoing;
pub(crate) use self::preflight::preflight;
pub(crate) use self::read::Read;
pub(crate) use self::retain::{
    Errand, Position, Retain, Retained, Sight, count_entries, declare, retain,
};
pub(crate) use self::route::{
    Placed, Routing, add_once, pack_add_once, pack_route, receive_placed, route,
};
pub(crate) use self::server::FirstLook;
pub(crate) use self::settle::{Burial, Found, Parking, ack, ack_held, bury, park, renew};
#[cfg(feature = "spool")]
pub(crate) use self::{
    outgoing::Encoded,
    spooled::{SpooledAdd, route_spooled, spool_mark},
};
