//! The traits and the derive: `use stream_lib::prelude::*;`.

pub use crate::{BatchHandler, Handler, OwnedMessage, Routed, StreamMessage};
