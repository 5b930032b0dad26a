//! The commands that change something. All of them go through a plan.

pub(super) mod cron;
pub(super) mod dlq;
pub(super) mod export;
pub(super) mod groups;
pub(super) mod pending;
pub(super) mod replay;
pub(super) mod retention;
pub(super) mod scheduled;
pub(super) mod streams;
