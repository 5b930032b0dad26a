//! How to reach Redis.

mod env;
mod settings;
mod target;
mod url;
mod view;

pub use self::settings::ConnectionConfig;
pub(crate) use self::target::{Address, Credentials};
pub use self::view::ConnectionSettings;

#[cfg(test)]
mod tests;
