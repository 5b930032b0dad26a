//! Reads the facts of a page that the poller doesn't have.
//!
//! *pages* makes the pages; *more* asks Redis for single facts, *schedules* for schedules;
//! *work* has the page of a change in progress.

mod more;
mod pages;
mod schedules;
mod work;

pub(crate) use self::more::{deads, schemas};
pub(crate) use self::pages::load;
