//! The outputs of deliveries, from the handler's call until they are settled.
//!
//! [`HeldOutputs`] keeps the outputs of the deliveries of one reply. When a handler has
//! succeeded, its [`Outputs`] go to the settler with the delivery, and [`OutputStreams`]
//! finds the [`Target`] of each.

mod held_outputs;
mod list;
mod streams;

pub(crate) use self::held_outputs::HeldOutputs;
pub(crate) use self::list::{Output, Outputs};
pub(crate) use self::streams::{OutputStreams, Target};
