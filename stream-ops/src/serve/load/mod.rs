//! Reads what a page needs beside what is seen of all streams.
//!
//! *pages* puts each of them together; *more* asks Redis for single things, *schedules* for
//! schedules.

mod more;
mod pages;
mod schedules;

pub(crate) use self::more::{deads, schemas};
pub(crate) use self::pages::load;
