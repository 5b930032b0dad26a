//! Threads that are named and joined, waits that end on shutdown, backoff,
//! looks that spare a sleep, failures that are told once, a bound on log lines,
//! and numbers with their nouns.

mod backoff;
mod clock;
mod counted;
mod log_limit;
mod panics;
mod patience;
mod random;
mod shutdown;
mod thread;
mod trouble;

pub(crate) use self::backoff::Backoff;
pub(crate) use self::clock::ServerClock;
pub(crate) use self::counted::counted;
pub(crate) use self::log_limit::{LogLimit, LogLine};
pub(crate) use self::panics::{drop_shielded, panic_text};
pub(crate) use self::patience::Patience;
pub(crate) use self::random::{jitter, random_suffix};
pub(crate) use self::shutdown::Shutdown;
pub(crate) use self::thread::{Thread, on_library_thread};
pub(crate) use self::trouble::Trouble;
