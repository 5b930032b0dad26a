//! From a request to an answer.
//!
//! *guard* finds the caller and checks permissions; *pages* answers with a page or its JSON;
//! *changes* plans and makes changes; *response* has the headers of all answers. *handle*
//! calls them in order.

mod changes;
mod guard;
mod handle;
mod pages;
mod response;

pub(crate) use self::handle::router;
