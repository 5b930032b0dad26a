//! What the hooks of a consumer are told: one struct for each method of
//! [`ConsumerEvents`](crate::ConsumerEvents).
//!
//! Each, but for [`FailedOver`], has the stream, the group and the name of the consumer
//! that it comes
//! from, so that one value can serve several consumers. Fields may be added.

pub use crate::config::event::{
    Completed, Connected, DeadLettered, DeadLettersDropped, Disconnected, FailedOver,
    GroupRecreated, LeaseLost, Panicked, Retried, Stopped, TakenOver,
};
