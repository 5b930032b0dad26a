//! Tests against scripted servers: threads that say what they are told to.

mod cluster;
mod cold;
mod connect;
mod fake;
mod handshake;
mod link;
mod loans;
mod pool;
mod scan;
mod sentinel;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_files;
mod wire;

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::fake::Fake;
use super::Wire;
use super::endpoint::{Blueprint, Endpoint};
use crate::config::{ConnectionConfig, Place};
use crate::error::{Error, Result};

/// Long enough for everything that is meant to happen.
const AMPLE: Duration = Duration::from_secs(20);

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(60);

fn config(server: &Fake) -> ConnectionConfig {
    ConnectionConfig::new(server.url()).unwrap()
}

fn endpoint(config: &ConnectionConfig) -> Arc<Endpoint> {
    Arc::new(try_endpoint(config).unwrap())
}

fn try_endpoint(config: &ConnectionConfig) -> Result<Endpoint> {
    let Place::Server(address) = &config.place else {
        panic!("which server?");
    };
    Blueprint::new(config)?.endpoint(address)
}

fn connect(config: &ConnectionConfig) -> Result<Wire> {
    Wire::connect(&endpoint(config), config.connect_timeout)
}

/// Everything an error shows, to whomever.
fn shown(error: &Error) -> String {
    let mut parts = vec![format!("{error} | {error:?}")];
    let mut source = error.source();
    while let Some(cause) = source {
        parts.push(format!("{cause} | {cause:?}"));
        source = cause.source();
    }
    parts.join(" | ")
}

/// Waits for an effect of another thread.
fn eventually(condition: impl Fn() -> bool) {
    let end = Instant::now() + AMPLE;
    while !condition() {
        assert!(Instant::now() < end, "it never happened");
        std::thread::yield_now();
    }
}
