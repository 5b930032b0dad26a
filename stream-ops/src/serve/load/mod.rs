//! Reads what a page needs beside what is seen of all streams.
//!
//! *pages* puts each of them together; *more* asks Redis for single things, *schedules* for
//! schedules; *work* is the page of a change in progress.

mod more;
mod pages;
mod schedules;
mod work;

pub(crate) use self::more::{deads, schemas};
pub(crate) use self::pages::load;
