//! Permissions: a [`Role`] for callers with the [`Token`], the *origin* of a request, and its
//! *caller*.

mod caller;
mod origin;
mod role;
mod token;

pub(crate) use self::caller::{Caller, Credentials};
pub(crate) use self::origin::Names;
pub use self::role::Role;
pub use self::token::Token;
