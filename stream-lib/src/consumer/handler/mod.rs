//! Users' handlers of deliveries, and the meaning of their results.

mod batch;
mod by_value;
pub(crate) mod delivery;
pub(crate) mod error;
mod produce;
mod single;
pub(crate) mod taken;
pub(crate) mod verdict;

pub use self::batch::{BatchDelivery, BatchHandler};
pub use self::by_value::by_value;
pub use self::delivery::Delivery;
pub use self::error::HandlerError;
pub use self::single::{Handler, HandlerResult};
