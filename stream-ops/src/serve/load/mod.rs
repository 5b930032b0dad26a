//! Reads the facts of a page that the poller doesn't have.
//!
//! *pages* makes the pages; *more* asks Redis for single facts, *dead* for dead letters,
//! *schedules* for schedules; *work* has the page of a change in progress.

mod dead;
mod more;
mod pages;
mod schedules;
mod work;

pub(crate) use self::dead::deads;
pub(crate) use self::more::schemas;
pub(crate) use self::pages::{TELLING, load};
