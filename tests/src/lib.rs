//! A private Redis server for tests and examples, and the tools of tests around it.
//!
//! - [`Server`]: starts, stops, kills, freezes and restarts a real server. Examples use
//!   [`ServerHandle`], which is the user's server if there is one.
//! - [`Sentinels`]: a master, two replicas and three sentinels, each a `Server`.
//! - [`Cluster`]: three masters with a replica each, and slots that can be moved.
//! - [`wait_until`], [`wait_for`]: wait for a condition, with a deadline.
//! - [`Program`], [`Process`]: run the programs of `examples`, and signal them.
//! - [`Proxy`]: a tcp proxy that delays, cuts, holds and swallows.
//! - [`LogCapture`]: the log lines of the library.
//! - `Certificates`: the certificates of a server with TLS (feature `certificates`).
//!
//! ```
//! use stream_tests::Server;
//!
//! # fn main() -> Result<(), stream_tests::ServerError> {
//! let server = Server::start()?;
//! server.command::<String>(&["XADD", "orders", "*", "order_id", "A-1"]);
//! assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 1);
//! # Ok(())
//! # }
//! ```

mod address_map;
#[cfg(feature = "certificates")]
mod certificates;
mod cluster;
mod log_capture;
mod network;
mod process;
mod proxy;
mod sentinels;
mod server;
mod signal;
mod switch_watch;
mod target;
mod usage;
mod wait;
mod watchdog;

pub use self::address_map::AddressMap;
#[cfg(feature = "certificates")]
pub use self::certificates::Certificates;
pub use self::cluster::{Cluster, ClusterOptions, Resharding};
pub use self::log_capture::{LogCapture, LogLine};
pub use self::process::{Finished, Process, Program};
pub use self::proxy::{Direction, Proxy, Traffic};
pub use self::sentinels::{Sentinels, SentinelsOptions};
pub use self::server::{Fsync, Server, ServerError, ServerHandle, ServerOptions, TlsFiles};
pub use self::switch_watch::SwitchWatch;
pub use self::usage::Usage;
pub use self::wait::{poll, wait_for, wait_until};
