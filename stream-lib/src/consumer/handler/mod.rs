//! What users write: handlers of deliveries, and what their answer means.

mod batch;
pub(crate) mod delivery;
pub(crate) mod error;
mod single;
pub(crate) mod taken;
pub(crate) mod verdict;

pub use self::batch::{BatchDelivery, BatchHandler};
pub use self::delivery::Delivery;
pub use self::error::HandlerError;
pub use self::single::{Handler, HandlerResult};
