//! The scripts against models, on a real server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod jobs;
mod messages;

use crate::config::ConnectionConfig;
use crate::connection::{Topology, Wire};
use crate::keys::StreamKeys;
use crate::test_util::PrivateServer;

/// A server, and a connection to it.
struct Rig {
    wire: Wire,
    keys: StreamKeys,
    _server: PrivateServer,
}

impl Rig {
    /// `None` on a machine without a server program.
    fn start() -> Option<Self> {
        let server = PrivateServer::start_or_skip()?;
        let config = ConnectionConfig::new(server.url()).unwrap();
        let topology = Topology::new(&config).unwrap();
        let wire = topology.dedicated(b"").unwrap();
        Some(Self {
            wire,
            keys: StreamKeys::new("orders").unwrap(),
            _server: server,
        })
    }

    #[track_caller]
    fn ask<T: redis::FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.wire).unwrap()
    }
}
