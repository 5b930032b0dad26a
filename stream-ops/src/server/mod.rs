//! Requests to Redis.
//!
//! [`Redis`] sends requests to the server that has a key, and finds all masters. Answers
//! are read by [`Answered`]; *slot* knows which keys share a server.

mod answered;
mod redis;
mod slot;

pub use self::answered::{Answered, pairs};
pub(crate) use self::redis::clock_of;
pub use self::redis::{Master, Redis, Request, request, with_causes};
pub use self::slot::{key_in_slot, slot_of};
