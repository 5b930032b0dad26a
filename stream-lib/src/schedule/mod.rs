//! Scheduled messages and recurring jobs.
//!
//! The [`Timekeeper`] of a manager has one *promoter* for each stream of which this
//! process knows that something is scheduled: it looks, at a *pace*, and moves due
//! messages to the stream; and one *ticker* for each job ([`cron`]). There is no leader.
//! All processes of a stream do so, and one script moves a message once.
//!
//! [`Scheduled`] lists and cancels scheduled messages, each a [`ScheduledMessage`]. It
//! and the [`Crons`] of a stream go through the stream's *parts*.

mod cron;
mod message;
mod outage;
mod pace;
mod parts;
mod promoter;
mod scheduled;
mod timekeeper;

#[cfg(all(test, feature = "test-util"))]
mod tests;

pub(crate) use self::cron::Job;
pub use self::cron::{Cron, CronJob, CronState, Crons, Missed, RunRequest, RunState};
pub use self::message::ScheduledMessage;
pub use self::scheduled::Scheduled;
pub(crate) use self::timekeeper::Timekeeper;
