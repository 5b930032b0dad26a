//! The parts of a consumer that stay the same from one life to the next.

use std::any::Any;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::command::Group;
use crate::config::{ConsumerConfig, Program};
use crate::connection::Topology;
use crate::consumer::staff::Staff;
use crate::consumer::stats::Counters;
use crate::error::Error;
use crate::runtime::Alarm;
use crate::schema_book::SchemaBook;

/// The stream, group and configuration of a consumer, and its counters.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) topology: Arc<Topology>,
    pub(crate) staff: Arc<Staff>,
    pub(crate) config: ConsumerConfig,
    /// Whether a start returns without waiting for Redis.
    pub(crate) is_lazy: bool,
    /// Each life holds it until its last handler has ended, or its grace is over; it is
    /// gone after the manager's shutdown.
    pub(crate) until_ended: Weak<dyn Any + Send + Sync>,
    /// Rung if the stream has scheduled messages.
    pub(crate) alarm: Alarm,
    pub(crate) group: Group,
    pub(crate) counters: Arc<Counters>,
    pub(crate) program: Arc<Program>,
    /// Stores the types of its outputs; `None` if handlers are called by hand.
    pub(crate) book: Option<Arc<SchemaBook>>,
    /// The error that ended the last life, if one did.
    pub(crate) failure: Arc<Mutex<Option<Error>>>,
}
