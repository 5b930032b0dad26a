//! User code that connections call.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::config::event::FailedOver;
use crate::error::one_line;
use crate::runtime::panic_text;

type Map = dyn Fn(&str, u16) -> (String, u16) + Send + Sync;

/// Maps announced addresses to reachable ones.
#[derive(Clone)]
pub(crate) struct AddressMap(Arc<Map>);

impl AddressMap {
    pub(super) fn new(map: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(map))
    }

    /// The address to connect to; the announced one if the user's code panics.
    pub(crate) fn map(&self, host: &str, port: u16) -> (String, u16) {
        let mapped = catch_unwind(AssertUnwindSafe(|| (self.0)(host, port)));
        mapped.unwrap_or_else(|panic| {
            let text = one_line(&panic_text(panic));
            log::error!("`map_address` panicked at {host}:{port}: {text}");
            (host.to_owned(), port)
        })
    }
}

type OnFailover = dyn Fn(&FailedOver<'_>) + Send + Sync;

/// The hook for failovers.
#[derive(Clone)]
pub(crate) struct FailoverHook(Arc<OnFailover>);

impl FailoverHook {
    pub(super) fn new(hook: impl Fn(&FailedOver<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn tell(&self, event: &FailedOver<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.0)(event))) {
            let text = one_line(&panic_text(panic));
            log::error!("`on_failover` panicked: {text}");
        }
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressMap")
    }
}

impl fmt::Debug for FailoverHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailoverHook")
    }
}
