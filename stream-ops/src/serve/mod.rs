//! The dashboard: `streamctl serve`.
//!
//! *run* starts it with its *settings*: one poller looks, for any number of viewers. *shell*
//! has the connections, *answer* turns requests into answers, *access* has the permissions.
//! *load* reads the facts of a page that the poller doesn't have, and keeps them in a
//! *cache*; [`view`] turns facts into the models that the [`page`]s show, both without any
//! I/O. *change* plans, confirms and makes changes.

mod access;
mod answer;
mod cache;
mod change;
mod dash;
mod load;
pub mod page;
mod query;
mod run;
mod settings;
mod shell;
pub mod view;

pub use self::access::{Role, Token};
pub use self::run::Dashboard;
pub use self::settings::Settings;
