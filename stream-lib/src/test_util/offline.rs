//! A server that nobody connects to.

use std::sync::{Arc, LazyLock};

use crate::config::ConnectionConfig;
use crate::connection::Topology;
use crate::error::Result;

/// One for all, since it has a thread.
static NOWHERE: LazyLock<Result<Arc<Topology>>> = LazyLock::new(|| {
    let config = ConnectionConfig::new("redis://127.0.0.1:1")?.pool_size(1);
    Topology::new(&config).map(Arc::new)
});

/// Where the parts of a test that need no server would find one. Nothing
/// connects to it.
pub(super) fn topology() -> Result<Arc<Topology>> {
    NOWHERE.clone()
}
