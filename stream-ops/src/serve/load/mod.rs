//! Reads what a page needs beside what is seen of all streams.
//!
//! *pages* puts each of them together; *more* asks Redis for single things.

mod more;
mod pages;

pub(crate) use self::more::{deads, schemas};
pub(crate) use self::pages::load;
