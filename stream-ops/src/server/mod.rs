//! Requests to Redis.
//!
//! [`Redis`] sends requests to the server that has a key, and finds all masters. Answers
//! are read by [`Answered`]; *slot* knows which keys share a server. A [`Meter`] adds up
//! the cost.

mod answered;
mod meter;
mod redis;
mod slot;
mod words;

pub use self::answered::{Answered, pairs};
pub use self::meter::{Cost, Meter};
pub(crate) use self::redis::clock_of;
pub use self::redis::{Master, Redis, with_causes};
pub use self::slot::{key_in_slot, slot_of};
pub use self::words::{Request, request};
