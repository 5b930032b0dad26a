//! Plain validated data, one struct per role. It is checked when it is used to
//! build something; the error names the field and its value.

mod backup;
mod batch;
mod check;
mod connection;
mod consumer;
pub(crate) mod event;
mod events;
mod priority;
mod retention;
mod retry;
mod send;
mod settings;
mod spool;
mod stream;

pub use self::backup::BackupStreamConfig;
pub use self::batch::BatchConfig;
pub(crate) use self::connection::{Address, Credentials};
pub use self::connection::{ConnectionConfig, ConnectionSettings};
pub use self::consumer::{ConsumerConfig, OnGroupLost, StartFrom};
pub use self::events::ConsumerEvents;
pub(crate) use self::events::Events;
pub use self::priority::Priority;
pub(crate) use self::retention::{Retention, RetentionSettings};
pub use self::retry::RetryPolicy;
pub(crate) use self::send::SendConfig;
pub use self::send::WhenFull;
pub use self::settings::{BackupStreamSettings, RetentionWishes, StreamSettings};
pub use self::stream::StreamConfig;
