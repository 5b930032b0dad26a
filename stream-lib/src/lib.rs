//! Blocking Redis Streams.
#![allow(dead_code, unused_imports)]

extern crate self as stream_lib;

pub mod config;
mod connection;
mod error;
pub mod message;

pub use crate::error::{Error, ErrorKind, Result};
pub use crate::message::{OwnedMessage, RawMessage, Routed, StreamMessage};
pub use stream_derive::StreamMessage;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
