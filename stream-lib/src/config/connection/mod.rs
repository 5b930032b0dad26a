//! How to reach Redis.

mod credentials;
mod env;
mod pem;
mod settings;
mod target;
mod url;
mod view;

pub use self::credentials::Credentials;
pub(crate) use self::credentials::Provider;
#[cfg(feature = "tls")]
pub(crate) use self::pem::Pem;
pub use self::settings::ConnectionConfig;
pub(crate) use self::target::Address;
pub use self::view::ConnectionSettings;

#[cfg(test)]
mod tests;
