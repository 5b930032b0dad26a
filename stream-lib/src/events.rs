//! Arguments of hooks: one struct for each method of
//! [`ConsumerEvents`](crate::ConsumerEvents), and [`FailedOver`].
//!
//! Each struct except [`FailedOver`] has the stream, the group and the name of the
//! consumer, so that one value can serve several consumers. Fields may be added.

pub use crate::config::event::{
    Completed, Connected, DeadLettered, DeadLettersDropped, Disconnected, FailedOver,
    GroupRecreated, LeaseLost, Panicked, Retried, Stopped, TakenOver,
};
