//! Commands that change or remove something.
//!
//! Each makes a plan of [`act`](crate::act), and *drive* shows the plan, asks for
//! consent, carries it out and reports how far it got. A *demo* has a server of its own.

mod dead;
mod demo;
mod drive;
mod groups;
mod later;
mod progress;
mod streams;

pub(crate) use self::dead::dlq;
pub(crate) use self::groups::{consumer, group, pending};
pub(crate) use self::later::{cron, scheduled};
pub(crate) use self::streams::{retention, run, stream};
