//! From a request to an answer.
//!
//! *guard* says who asks, and whether they may; *pages* answers with a page or its JSON;
//! *changes* with what a change would do, and does it; *response* has the headers of all
//! answers. *handle* is all of it, in order.

mod changes;
mod guard;
mod handle;
mod pages;
mod response;

pub(crate) use self::handle::router;
