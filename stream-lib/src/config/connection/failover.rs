//! The settings of failovers.

use super::hooks::{AddressMap, FailoverHook};
use super::settings::ConnectionConfig;
use crate::config::event::FailedOver;

impl ConnectionConfig {
    /// Maps the addresses that sentinels and nodes of a cluster announce, of masters and
    /// of each other, to addresses that this program can reach: for containers and NAT.
    /// The addresses of the URL are not mapped. Defaults to none.
    ///
    /// # Panics
    ///
    /// A panic in `map` is caught and logged, and the announced address is used.
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
        self.address_map = Some(AddressMap::new(map));
        self
    }

    /// A hook that is called once for each failover: another server has become the
    /// master, or has taken all slots of a node of a cluster, and connections go there
    /// from now on. Defaults to none; the log has a line in any case.
    ///
    /// # Blocking
    ///
    /// The hook runs on the thread that looks for the master, and holds it up: count, or
    /// send to a channel, and return.
    /// # Panics
    ///
    /// A panic in the hook is caught and logged.
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
        self.failover_hook = Some(FailoverHook::new(hook));
        self
    }
}
