//! Plain validated data, one struct per role. Values are checked when something is built
//! from them; the error names the field and its value.

mod backup;
mod batch;
mod check;
mod connection;
mod consumer;
mod consumer_check;
mod consumer_settings;
pub(crate) mod event;
mod events;
mod group;
mod later;
mod priority;
mod rate;
mod replicas;
mod retention;
mod retry;
mod send;
mod settings;
mod spool;
mod stream;
mod undecodable;

pub use self::backup::BackupStreamConfig;
pub(crate) use self::backup::named_backup_of_partitions;
pub use self::batch::BatchConfig;
pub(crate) use self::connection::{Address, AddressMap, FailoverHook, Place, Program, Provider};
pub use self::connection::{ConnectionConfig, ConnectionSettings, Credentials};
#[cfg(feature = "tls")]
pub(crate) use self::connection::{Pem, TlsSettings};
pub use self::consumer::ConsumerConfig;
pub use self::consumer_settings::{BatchSettings, ConsumerSettings};
pub use self::events::ConsumerEvents;
pub(crate) use self::events::Events;
pub use self::group::{OnGroupLost, StartFrom};
pub(crate) use self::later::Delay;
pub use self::later::{When, WhenTaken};
pub use self::priority::Priority;
pub use self::rate::RateLimit;
pub(crate) use self::replicas::Replicas;
pub(crate) use self::retention::{Retention, RetentionSettings};
pub use self::retry::{RetryPolicy, RetrySchedule, RetrySettings};
pub(crate) use self::send::SendConfig;
pub use self::send::WhenFull;
pub use self::settings::{BackupStreamSettings, RetentionWishes, StreamSettings};
pub use self::stream::StreamConfig;
pub use self::undecodable::OnUndecodable;
