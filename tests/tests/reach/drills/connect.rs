//! How the program reaches Redis in a drill.

use std::sync::Arc;

use stream_lib::{ConnectionConfig, StreamManager};
use stream_tests::Sentinels;

/// A manager of its own, as that of a process.
pub(super) fn manager(sentinels: &Sentinels) -> Arc<StreamManager> {
    Arc::new(StreamManager::connect_with(config(sentinels, &sentinels.url())).unwrap())
}

/// By a URL of sentinels, with the addresses mapped where that has a meaning.
pub(super) fn config(sentinels: &Sentinels, url: &str) -> ConnectionConfig {
    let config = ConnectionConfig::new(url).unwrap();
    let map = sentinels.address_map();
    config.map_address(move |host, port| map.reachable(host, port))
}
