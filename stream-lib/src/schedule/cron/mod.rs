//! Recurring jobs.
//!
//! A [`Cron`] is what a user gives: an *expression* of *fields*, whose [`Times`](times)
//! in a *zone* are computed, and what becomes of ticks that were *missed*. A *job* is
//! that with a message. Its *ticker* is the task by which this process takes part; all
//! processes that have the job compute its ticks, and one script adds a message for each
//! once. [`Crons`] lists the jobs of a stream, a [`CronJob`] each, and pauses them; a
//! [`RunRequest`] asks for a run of one from a process that doesn't have it.

#[cfg(feature = "test-util")]
mod by_hand;
mod config;
mod crons;
mod expression;
mod field;
mod job;
mod listed;
mod missed;
mod request;
mod terms;
mod ticker;
mod times;
mod zone;

#[cfg(test)]
mod tests;

pub use self::config::Cron;
pub use self::crons::Crons;
pub(crate) use self::crons::LocalJobs;
pub(crate) use self::job::Job;
pub use self::listed::{CronJob, CronState};
pub use self::missed::Missed;
pub use self::request::{RunRequest, RunState};
pub(crate) use self::ticker::Ticker;
