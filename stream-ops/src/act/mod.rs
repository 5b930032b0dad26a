//! What can be done: planned first, then done as planned.
//!
//! Each function that makes a [`Plan`] changes nothing: it says what would be done, to how
//! many, what would fail again, and what would be lost to a group. [`carry_out`] does it,
//! on exactly what the plan has named, in steps of at most 50 entries, until a flag cancels
//! it; it tells how far it is, and notes the change in the audit. [`Consent`] is what a
//! plan may ask for beyond a yes, and a *pace* holds it back. Nothing here knows of a terminal.
//!
//! *dead* are the dead letters, *pending* the entries that nobody holds who lives, *groups*
//! and *consumers* themselves; *scheduled* and *cron* are what is to happen later; *send*,
//! *trim* and *replay* change what is in a stream, *retention* cleans it by its own
//! settings.

mod command_line;
mod consent;
mod consumers;
mod cron;
mod dead;
mod fields;
mod groups;
mod job;
mod oldest;
mod pace;
mod pending;
mod plan;
mod refused;
mod replay;
mod retention;
mod run;
mod said;
mod scheduled;
mod send;
mod source;
mod trim;
mod walk;

pub use self::command_line::without_values;
pub use self::consent::{Consent, MANY};
pub use self::consumers::remove as remove_consumer;
pub use self::cron::{pause as pause_job, resume as resume_job, run_now as run_job_now};
pub use self::dead::{
    DeadChoice, export as export_dead, import as import_dead, redrive, remove as remove_dead,
};
pub use self::groups::{create, hold, release, remove as remove_group, set_id};
pub use self::pending::{HandsOn, PendingChoice, pending};
pub use self::plan::{Failing, Misfitting, Plan};
pub use self::refused::{Planned, Refused};
pub use self::replay::{Target, replay};
pub use self::retention::{clean, clean_some};
pub use self::run::{By, Ended, Outcome, carry_out};
pub use self::scheduled::{ScheduledChoice, cancel, run_now};
pub use self::send::{Message, send};
pub use self::source::Bound;
pub use self::trim::{Keep, trim};
