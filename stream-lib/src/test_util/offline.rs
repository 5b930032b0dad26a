//! A server that is never contacted.

use std::sync::{Arc, LazyLock};

use crate::config::ConnectionConfig;
use crate::connection::Topology;
use crate::error::Result;

/// One for all tests, since it has a thread.
static NOWHERE: LazyLock<Result<Arc<Topology>>> = LazyLock::new(|| {
    let config = ConnectionConfig::new("redis://127.0.0.1:1")?.pool_size(1);
    Topology::new(&config).map(Arc::new)
});

/// The server of a test that needs none. Nothing connects to it.
pub(super) fn topology() -> Result<Arc<Topology>> {
    NOWHERE.clone()
}
