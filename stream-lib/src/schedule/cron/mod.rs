//! Recurring jobs.
//!
//! A [`Cron`] is the user's schedule: an *expression* of *fields*, whose [`Times`](times)
//! are computed in a *zone*, and the treatment of *missed* ticks. A *job* is a schedule
//! with a message. Its *ticker* is the task by which this process takes part; all
//! processes that have the job compute its ticks, and one script adds a message once for
//! each. [`Crons`] lists the jobs of a stream, a [`CronJob`] each, and changes their
//! states.

#[cfg(feature = "test-util")]
mod by_hand;
mod config;
mod crons;
mod expression;
mod field;
mod job;
mod listed;
mod missed;
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
pub(crate) use self::ticker::Ticker;
