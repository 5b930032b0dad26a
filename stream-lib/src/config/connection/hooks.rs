//! Code of the user's that connections call.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::settings::ConnectionConfig;
use crate::config::event::FailedOver;
use crate::error::one_line;
use crate::runtime::panic_text;

type Map = dyn Fn(&str, u16) -> (String, u16) + Send + Sync;

/// From the addresses that servers announce to those that can be reached.
#[derive(Clone)]
pub(crate) struct AddressMap(Arc<Map>);

impl AddressMap {
    /// The address to connect to. Where the user's code panics, the one that was
    /// announced.
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

/// What is told of failovers.
#[derive(Clone)]
pub(crate) struct FailoverHook(Arc<OnFailover>);

impl FailoverHook {
    pub(crate) fn tell(&self, event: &FailedOver<'_>) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.0)(event))) {
            let text = one_line(&panic_text(panic));
            log::error!("`on_failover` panicked: {text}");
        }
    }
}

impl ConnectionConfig {
    /// Maps the addresses that sentinels name, of the master and of each other, or
    /// nodes of a cluster, to those that this program can reach: for containers and NAT. The addresses of the
    /// URL are taken as they are. Defaults to none.
    ///
    /// # Panics
    ///
    /// Where it panics, the log says so, and the address is taken as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::ConnectionConfig;
    ///
    /// let config = ConnectionConfig::sentinel("mymaster", ["localhost:26379"])?
    ///     .map_address(|_host, port| ("localhost".to_owned(), port));
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    #[must_use]
    pub fn map_address(
        mut self,
        map: impl Fn(&str, u16) -> (String, u16) + Send + Sync + 'static,
    ) -> Self {
        self.address_map = Some(AddressMap(Arc::new(map)));
        self
    }

    /// Is called once for each failover: another server has become the master, and
    /// connections go there from now on. It runs on the thread that looks for the
    /// master, and holds that up: count, or send to a channel, and return. Defaults to
    /// none; the log has a line in any case.
    ///
    /// # Panics
    ///
    /// A panic in it is caught and logged.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_lib::ConnectionConfig;
    ///
    /// let config = ConnectionConfig::sentinel("mymaster", ["localhost:26379"])?
    ///     .on_failover(|event| eprintln!("{} has followed {}", event.to, event.from));
    /// # Ok::<(), stream_lib::Error>(())
    /// ```
    #[must_use]
    pub fn on_failover(mut self, hook: impl Fn(&FailedOver<'_>) + Send + Sync + 'static) -> Self {
        self.failover_hook = Some(FailoverHook(Arc::new(hook)));
        self
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
