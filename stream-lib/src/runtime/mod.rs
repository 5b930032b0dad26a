//! Threads that are named and joined, threads for many tasks, bells and alarms, calls
//! without a deadline, waits that end on shutdown, attempts that another thread ends,
//! backoff, looks that spare a sleep, failures that are logged once, bounds on log lines
//! and on requests, numbers with their nouns, and the process that made a thing.

mod alarm;
mod backoff;
mod bell;
mod clock;
mod counted;
mod interrupt;
mod log_limit;
mod log_sum;
mod moment;
mod origin;
mod panics;
mod patience;
mod portion;
mod random;
mod rounds;
mod shutdown;
mod side_call;
mod thread;
mod trouble;

pub(crate) use self::alarm::Alarm;
pub(crate) use self::backoff::Backoff;
pub(crate) use self::bell::{Bell, Rope};
pub(crate) use self::clock::ServerClock;
pub(crate) use self::counted::counted;
pub(crate) use self::interrupt::Interrupt;
pub(crate) use self::log_limit::{LogLimit, LogLine};
pub(crate) use self::log_sum::LogSum;
pub(crate) use self::moment::{Moment, nanos};
pub(crate) use self::origin::Origin;
pub(crate) use self::panics::{drop_shielded, panic_text};
pub(crate) use self::patience::Patience;
pub(crate) use self::portion::Portion;
pub(crate) use self::random::{jitter, random_below, random_suffix};
pub(crate) use self::rounds::{Desk, Rounds, Task, is_on_rounds};
pub(crate) use self::shutdown::{Nudge, Shutdown};
pub(crate) use self::side_call::{SideCall, Ticket};
pub(crate) use self::thread::{Thread, on_library_thread};
pub(crate) use self::trouble::Trouble;
