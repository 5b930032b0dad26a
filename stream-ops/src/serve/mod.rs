//! The dashboard.

mod access;
pub mod page;
mod shell;
pub mod view;

pub use self::access::{Role, Token};
