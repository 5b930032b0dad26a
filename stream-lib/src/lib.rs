//! Blocking Redis Streams.
#![allow(dead_code, unused_imports)]

pub mod config;
mod connection;
mod error;

pub use crate::error::{Error, ErrorKind, Result};
