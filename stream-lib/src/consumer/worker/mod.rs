//! The threads that run handlers.
//!
//! They form a [`Crew`], and do the [`Work`] of their handler: of one delivery at a time
//! ([`Typed`]), or of batches ([`TypedBatch`]) that they *gather* in turn from *open
//! replies*. An *ending* turns the handler's result into a request to the settler.

mod batch;
mod ending;
mod gather;
mod key_turn;
mod open_replies;
mod single;
mod work;

pub(crate) use self::batch::TypedBatch;
pub(crate) use self::ending::end;
pub(crate) use self::single::Typed;
pub(crate) use self::work::{Crew, Work};
