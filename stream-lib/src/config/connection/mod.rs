//! How to reach Redis.

mod address;
mod check;
mod cluster;
mod credentials;
mod env;
mod failover;
mod hooks;
mod parts;
mod pem;
mod program;
mod sentinel;
mod settings;
mod target;
mod tls;
mod url;
mod view;

pub use self::credentials::Credentials;
pub(crate) use self::credentials::Provider;
pub(crate) use self::hooks::{AddressMap, FailoverHook};
pub(crate) use self::parts::Program;
#[cfg(feature = "tls")]
pub(crate) use self::parts::TlsSettings;
#[cfg(feature = "tls")]
pub(crate) use self::pem::Pem;
pub use self::settings::ConnectionConfig;
pub(crate) use self::target::{Address, Place};
pub use self::view::ConnectionSettings;

#[cfg(test)]
mod tests;
