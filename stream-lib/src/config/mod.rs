//! Plain, validated data: one struct per role.

mod connection;

pub use self::connection::ConnectionConfig;
pub(crate) use self::connection::{Address, Credentials};
