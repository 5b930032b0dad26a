//! The threads that run handlers.

mod batch;
mod ending;
mod gather;
pub(crate) mod open;
mod single;
mod work;

pub(crate) use self::batch::TypedBatch;
pub(crate) use self::single::Typed;
pub(crate) use self::work::Work;
