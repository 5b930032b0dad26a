//! How to reach Redis.

mod env;
mod settings;
mod target;
mod url;

pub use self::settings::ConnectionConfig;
pub(crate) use self::target::{Address, Credentials};

#[cfg(test)]
mod tests;
