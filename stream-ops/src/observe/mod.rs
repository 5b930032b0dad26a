//! Facts of streams and servers, and their history.
//!
//! *facts* are the types. [`Observer`] looks once at all streams that it knows, by one
//! read-only script (*told*) and a few small questions for each (*look*, *group*,
//! *consumers*), with a *memory* that spares servers the copying of large entries, within a
//! *budget*, and at the *server*; streams are *found* by `SCAN` in small steps. Once a minute the newest
//! entries are compared with their schemas (*misfits*). [`History`] keeps an
//! hour of looks, and a [`Poller`] is the thread that takes them, every two seconds,
//! however many read them.

mod budget;
mod consumers;
mod facts;
mod found;
mod group;
mod history;
mod look;
mod memory;
mod misfits;
mod observer;
mod parts;
mod poller;
mod server;
mod told;
mod track;

pub use self::facts::{
    ConsumerFacts, GroupFacts, HeldFacts, MemberFacts, MisfitFacts, Program, StreamFacts, Suspect,
};
pub use self::found::Finder;
pub use self::history::{History, Look, LookCost, Outage};
pub use self::look::look_at;
pub use self::observer::Observer;
pub(crate) use self::observer::is_of_one_stream;
pub use self::parts::{own_key, partition_names};
pub use self::poller::Poller;
pub use self::server::{ServerFacts, look_at_server};
pub use self::track::{GroupPoint, GroupTrack, StreamPoint, StreamTrack};
