//! A private Redis or Valkey server, which ends with its owner.

mod binary;
mod daemon;
mod error;
mod handle;
mod launch;
mod options;
mod port;

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Connection, ConnectionAddr, FromRedisValue, IntoConnectionInfo};
use redis::{RedisConnectionInfo, RedisResult, Value};
use rustix::process::Signal;
use tempfile::TempDir;

pub use self::error::ServerError;
pub use self::handle::ServerHandle;
pub use self::options::{Fsync, ServerOptions, TlsFiles};

use self::daemon::{Daemon, Recipe};
use self::port::Port;
use crate::usage::Usage;

const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// A private server on 127.0.0.1 and a unix socket, in a temporary directory.
///
/// It is stopped and its directory is removed on drop, on a panic, and also when the
/// owning process is killed. All methods take `&self`, so that one thread can stop the
/// server while others use it.
#[derive(Debug)]
pub struct Server {
    // Dropped from top to bottom: the process before its directory.
    daemon: Mutex<Option<Daemon>>,
    recipe: Recipe,
    port: Port,
    tls_port: Option<Port>,
    /// The port by which the nodes of a cluster speak to each other.
    bus_port: Option<Port>,
    password: Option<String>,
    first_commands: Vec<Vec<String>>,
    frozen: AtomicBool,
    _dir: TempDir,
}

impl Server {
    /// Starts a server with the default options.
    ///
    /// # Blocking
    ///
    /// Until the server answers `PING`, at most 30 s.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start() -> Result<Self, ServerError> {
        Self::options().start()
    }

    /// Options for a server that is not like the default.
    pub fn options() -> ServerOptions {
        ServerOptions::default()
    }

    /// `redis://127.0.0.1:PORT/0`, with the password if there is one.
    pub fn url(&self) -> String {
        self.url_at(self.port())
    }

    /// The URL of the server by way of another port of this machine, such as a
    /// [`Proxy`](crate::Proxy)'s.
    pub fn url_at(&self, port: u16) -> String {
        format!("redis://{}127.0.0.1:{port}/0", self.credentials())
    }

    /// `rediss://127.0.0.1:PORT/0`, where the server speaks TLS.
    pub fn tls_url(&self) -> Option<String> {
        let port = self.tls_port()?;
        Some(format!("rediss://{}127.0.0.1:{port}/0", self.credentials()))
    }

    /// `redis+unix:///…/redis.sock`, with the password if there is one.
    pub fn unix_url(&self) -> String {
        let socket = self.recipe.socket.to_string_lossy();
        let path: Vec<_> = socket.split('/').map(percent_encoded).collect();
        let path = path.join("/");
        match &self.password {
            Some(password) => format!("redis+unix://{path}?pass={}", percent_encoded(password)),
            None => format!("redis+unix://{path}"),
        }
    }

    /// The port without TLS. It stays the same through every restart.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The port with TLS, if there is one.
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port.as_ref().map(Port::number)
    }

    /// The tcp address without TLS.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// The directory of the server: its configuration, log, socket and data.
    pub fn dir(&self) -> &Path {
        &self.recipe.dir
    }

    /// The process id, while the server runs.
    pub fn pid(&self) -> Option<u32> {
        let mut daemon = self.daemon.lock();
        daemon
            .as_mut()
            .and_then(|d| d.is_running().then(|| d.pid()))
    }

    /// Whether the process lives; a frozen one does.
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Ends the server in order (SIGTERM), as an operator would. Does nothing
    /// when it is not running.
    ///
    /// # Blocking
    ///
    /// Until the process has ended; after 10 s it is killed.
    pub fn stop(&self) {
        if let Some(daemon) = self.daemon.lock().take() {
            daemon.stop();
        }
    }

    /// Kills the server (SIGKILL), as a crash would. Does nothing when it is
    /// not running.
    ///
    /// # Blocking
    ///
    /// Until the process has ended.
    pub fn kill(&self) {
        drop(self.daemon.lock().take());
    }

    /// Stops the process in its tracks (SIGSTOP): connections stay open, and
    /// nothing answers, until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// Lets a frozen process go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
        self.frozen.store(false, Ordering::Relaxed);
    }

    /// Kills the server if it runs, and starts it again on the same port,
    /// socket and directory. Data is there again only with
    /// [`appendonly`](ServerOptions::appendonly).
    ///
    /// # Blocking
    ///
    /// Until the server answers `PING`, at most 40 s.
    ///
    /// # Panics
    ///
    /// When the server does not come back; the text has its log.
    #[track_caller]
    pub fn restart(&self) {
        let mut daemon = self.daemon.lock();
        *daemon = None;
        match self.recipe.start_again() {
            Ok(back) => *daemon = Some(back),
            Err(e) => panic!("restarting the server: {e}"),
        }
        self.begin_life();
    }

    /// What the server has written to its log since it was last started.
    pub fn log(&self) -> String {
        self.recipe.log()
    }

    /// Processor time and memory of the process, where it runs and the
    /// operating system has `/proc`.
    pub fn usage(&self) -> Option<Usage> {
        self.pid().and_then(Usage::of)
    }

    /// Runs one command over a connection of its own.
    ///
    /// # Blocking
    ///
    /// Until the reply, at most 10 s.
    ///
    /// # Panics
    ///
    /// When the server answers with an error, or not at all.
    #[track_caller]
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        match self.try_command(words) {
            Ok(reply) => reply,
            Err(e) => panic!("{}: {e}\n{}", words.join(" "), self.log()),
        }
    }

    /// Runs one command over a connection of its own.
    ///
    /// # Blocking
    ///
    /// Until the reply, at most 10 s.
    ///
    /// # Errors
    ///
    /// The server's error, or the lack of an answer.
    pub fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut connection = self.connect()?;
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut connection)
    }

    /// How often a command was called since the server started or since
    /// `CONFIG RESETSTAT`, by `INFO commandstats`.
    ///
    /// # Panics
    ///
    /// As [`command`](Self::command).
    #[track_caller]
    pub fn calls(&self, command: &str) -> u64 {
        let stats: String = self.command(&["INFO", "commandstats"]);
        calls_in(&stats, &command.to_lowercase())
    }

    /// A connection of the redis crate, by the unix socket and with the
    /// server's password. Each exchange has a deadline of 10 s.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub fn connect(&self) -> RedisResult<Connection> {
        let mut settings = RedisConnectionInfo::default();
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        let address = ConnectionAddr::Unix(self.recipe.socket.clone());
        let target = address.into_connection_info()?.set_redis_settings(settings);
        let connection =
            redis::Client::open(target)?.get_connection_with_timeout(COMMAND_TIMEOUT)?;
        connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        connection.set_write_timeout(Some(COMMAND_TIMEOUT))?;
        Ok(connection)
    }

    /// Whether the process runs and is not frozen, so that an answer can be waited
    /// for.
    pub(crate) fn is_awake(&self) -> bool {
        !self.frozen.load(Ordering::Relaxed) && self.is_running()
    }

    /// Runs the commands that every life begins with.
    #[track_caller]
    fn begin_life(&self) {
        self.frozen.store(false, Ordering::Relaxed);
        for words in &self.first_commands {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            self.command::<Value>(&words);
        }
    }

    /// The port by which the nodes of a cluster speak to each other, if it is one.
    pub(crate) fn bus_port(&self) -> Option<u16> {
        self.bus_port.as_ref().map(Port::number)
    }

    /// The port that clients and other members are told of.
    pub(crate) fn service_port(&self) -> u16 {
        self.tls_port().unwrap_or_else(|| self.port())
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let reached = self
            .daemon
            .lock()
            .as_mut()
            .is_some_and(|d| d.signal(signal));
        assert!(
            reached,
            "the server is not running, so no {signal:?} can reach it"
        );
    }

    fn credentials(&self) -> String {
        self.password
            .as_ref()
            .map(|password| format!(":{}@", percent_encoded(password)))
            .unwrap_or_default()
    }
}

fn calls_in(stats: &str, command: &str) -> u64 {
    stats
        .lines()
        .find_map(|line| {
            line.strip_prefix("cmdstat_")?
                .strip_prefix(command)?
                .strip_prefix(":calls=")?
                .split(',')
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// Everything but unreserved characters as `%XX`.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a string can't fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_those_of_the_whole_command_name() {
        let stats = "cmdstat_xadd:calls=3,usec=1\r\ncmdstat_config|get:calls=2,usec=1\r\n";
        assert_eq!(calls_in(stats, "xadd"), 3);
        assert_eq!(calls_in(stats, "config|get"), 2);
        assert_eq!(calls_in(stats, "xad"), 0);
    }

    #[test]
    fn passwords_are_encoded_for_urls() {
        assert_eq!(percent_encoded("p@ss:w/rd é"), "p%40ss%3Aw%2Frd%20%C3%A9");
    }
}
