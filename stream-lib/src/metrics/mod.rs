//! Counts and times of producers and consumers.
//!
//! Threads write into a *record*, without a lock: [`WorkerRecord`] belongs to one worker,
//! [`ProducerRecord`] has a part for each of a few threads (*seat*), in cache lines of its
//! own. A [`Metrics`] is the snapshot that readers get, with a [`Histogram`] for each kind
//! of time. *publish* hands snapshots to the crate `metrics`.

mod histogram;
mod producer;
#[cfg(feature = "metrics")]
mod publish;
mod seat;
mod sizes;
mod snapshot;
mod times;
mod worker;

pub use self::histogram::Histogram;
pub(crate) use self::producer::{Fate, ProducerRecord};
#[cfg(feature = "metrics")]
pub(crate) use self::publish::Published;
pub use self::sizes::BatchSizes;
pub use self::snapshot::{ConsumerMetrics, Metrics, ProducerMetrics};
pub(crate) use self::worker::{WorkerRecord, WorkerRecords};
