//! The dashboard: `streamctl serve`.
//!
//! *run* starts it with its *settings*: one poller looks, however many read. *shell* has the
//! connections, *answer* what becomes of a request, *access* who may do what. *load* reads
//! what a page needs beside what is seen of all streams, and keeps it in a *cache*; [`view`]
//! makes of it what the [`page`]s show, both without any I/O. *change* has what can be done:
//! planned, confirmed and noted.

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
