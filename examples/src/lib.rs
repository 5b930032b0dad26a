//! Parts of the example programs.

mod cleanup;
pub mod orders;
mod setup;
mod signals;

pub use self::cleanup::remove_stream;
pub use self::setup::{connect, connect_lazily, log_to_stderr, pretend_to_work};
pub use self::signals::StopSignal;

/// The examples of the README are tests of this crate, which is never packaged.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
