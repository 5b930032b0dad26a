//! Changes: planned first, then made as planned.
//!
//! A function that makes a [`Plan`] changes nothing. The plan names the change, the
//! number of entries, those that would fail again, and those that a group would lose.
//! [`carry_out`] changes exactly the entries that the plan names, in steps of at most 50,
//! until a flag cancels it; it reports progress, and notes the change in the audit.
//! [`Consent`] holds the agreement that a plan may need beyond a yes, and a *pace* limits
//! the rate. Nothing here depends on a terminal.
//!
//! *dead* changes dead letters, *pending* the entries that no living consumer holds,
//! *groups* and *consumers* those themselves, *scheduled* and *cron* scheduled messages and
//! recurring jobs. *send*, *trim* and *replay* change the entries of a stream; *retention*
//! cleans it by its own settings.

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
