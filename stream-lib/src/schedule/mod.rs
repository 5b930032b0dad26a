//! What is to happen later: messages that are scheduled, and jobs that recur.
//!
//! The [`Timekeeper`] of a manager has one *promoter* for each stream of which this
//! process knows that something is scheduled: it looks, at a *pace*, and moves what is
//! due to the stream; and one *ticker* for each job ([`cron`]). There is no leader. All
//! processes of a stream do so, and one script moves a message once.
//!
//! [`Scheduled`] shows what waits, and cancels it; a [`ScheduledMessage`] is one of them.
//! Both it and the [`Crons`] of a stream go through its *parts*.

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
