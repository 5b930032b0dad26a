//! The traits and the derive: `use stream_lib::prelude::*;`.

pub use crate::{Handler, OwnedMessage, Routed, StreamMessage};
