//! Threads that are named and joined, waits that end on shutdown, backoff,
//! and looks that spare a sleep.

mod backoff;
mod clock;
mod patience;
mod random;
mod shutdown;
mod thread;

pub(crate) use self::backoff::Backoff;
pub(crate) use self::clock::ServerClock;
pub(crate) use self::patience::Patience;
pub(crate) use self::random::{jitter, random_suffix};
pub(crate) use self::shutdown::Shutdown;
pub(crate) use self::thread::{Thread, on_library_thread, panic_text};
