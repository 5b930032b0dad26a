//! A server of a test's own.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::process::{Directory, Process};
use super::program::{Found, find};
use crate::error::{Error, ErrorKind, Result};

const NONE: &str = "there is no redis-server or valkey-server of version 7 or later in PATH, and \
                    STREAM_TEST_SERVER names none";

/// A Redis or Valkey server for one test, which starts empty and keeps nothing
/// (feature `test-util`).
///
/// The program is the one that the environment variable `STREAM_TEST_SERVER` names, else
/// the first `redis-server` or `valkey-server` of version 7 or later in `PATH`. It
/// listens on a unix socket in a new directory under the system's temporary one, and on
/// no port. On drop the server is killed and the directory removed; also when the test's
/// process is killed.
///
/// A server starts in some ten milliseconds, so each test can have its own, and tests run
/// side by side without colliding names.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use stream_lib::test_util::PrivateServer;
/// use stream_lib::{ConsumerConfig, StreamManager, StreamMessage};
///
/// #[derive(StreamMessage)]
/// #[stream(name = "orders")]
/// struct Order {
///     order_id: String,
/// }
///
/// let Some(server) = PrivateServer::start_or_skip() else {
///     return Ok(()); // no server program here
/// };
/// let manager = StreamManager::connect(server.url())?;
/// let (sender, receiver) = mpsc::channel();
/// let config = ConsumerConfig::new("orders");
/// manager.consume_fn::<Order>("orders", config, move |order| {
///     sender.send(order.order_id.clone())?;
///     Ok(())
/// })?;
/// manager.add(&Order { order_id: "A-1".to_owned() })?;
/// assert_eq!(receiver.recv()?, "A-1");
/// # drop(manager);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PrivateServer {
    url: String,
    program: PathBuf,
    // The process goes before its directory.
    process: Mutex<Option<Process>>,
    directory: Directory,
}

impl PrivateServer {
    /// Starts a server.
    ///
    /// # Blocking
    ///
    /// Until it answers `PING`, at most 30 s.
    ///
    /// # Errors
    ///
    /// [`System`](ErrorKind::System) if there is no program, or it doesn't start. The
    /// text says where it was looked for, or has the server's output.
    pub fn start() -> Result<Self> {
        match find() {
            Found::Program(program) => Self::start_program(program),
            Found::Unusable(why) => Err(Error::new(ErrorKind::System, why)),
            Found::Nothing => Err(Error::new(ErrorKind::System, NONE)),
        }
    }

    /// Starts a server; `None` on a machine without a server program, so that the test
    /// can be skipped. Standard error says so.
    ///
    /// Set `STREAM_TEST_SERVER` where tests must not be skipped, such as in continuous
    /// integration: a named program has to exist.
    ///
    /// # Blocking
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// If a program doesn't start, or `STREAM_TEST_SERVER` names something else.
    #[track_caller]
    pub fn start_or_skip() -> Option<Self> {
        let started = match find() {
            Found::Nothing => {
                eprintln!("skipped: {NONE}");
                return None;
            }
            Found::Program(program) => Self::start_program(program),
            Found::Unusable(why) => Err(Error::new(ErrorKind::System, why)),
        };
        match started {
            Ok(server) => Some(server),
            Err(e) => panic!("{e}"),
        }
    }

    fn start_program(program: PathBuf) -> Result<Self> {
        let directory = Directory::make().map_err(|e| {
            Error::new(ErrorKind::System, "making a directory for a private server").because(e)
        })?;
        let process = launch(&program, &directory)?;
        Ok(Self {
            url: url_of(&directory.socket()),
            program,
            process: Mutex::new(Some(process)),
            directory,
        })
    }

    /// The URL to connect to: `redis+unix:///…`. [`restart`](Self::restart) keeps it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills the server, as a crash would: to test code without Redis. Does nothing if it
    /// is stopped already.
    ///
    /// # Blocking
    ///
    /// Until the process has ended.
    pub fn stop(&self) {
        let process = self.process.lock().take();
        drop(process);
    }

    /// Kills the server if it runs, and starts it again, empty.
    ///
    /// # Blocking
    ///
    /// As [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn restart(&self) -> Result<()> {
        let mut process = self.process.lock();
        *process = None;
        *process = Some(launch(&self.program, &self.directory)?);
        Ok(())
    }
}

fn launch(program: &Path, directory: &Directory) -> Result<Process> {
    Process::start(program, directory).map_err(|e| {
        let (program, log) = (program.display(), directory.log());
        let text = format!("starting the private server {program}, which has said: {log:?}");
        Error::new(ErrorKind::System, text).because(e)
    })
}

fn url_of(socket: &Path) -> String {
    let mut url = "redis+unix://".to_owned();
    for byte in socket.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                url.push(char::from(*byte));
            }
            _ => {
                // Writing to a string can't fail.
                let _ = write!(url, "%{byte:02X}");
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_of_a_socket_is_encoded_in_its_url() {
        let url = url_of(Path::new("/tmp/a b%/redis.sock"));
        assert_eq!(url, "redis+unix:///tmp/a%20b%25/redis.sock");
    }

    #[test]
    fn server_that_cannot_start_says_what_it_was() {
        let error = PrivateServer::start_program(PathBuf::from("/bin/true")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::System);
        assert!(error.to_string().contains("/bin/true"), "{error}");
    }

    #[test]
    fn server_starts_empty_stops_and_leaves_nothing_behind() {
        let Some(server) = PrivateServer::start_or_skip() else {
            return;
        };
        let socket = server.directory.socket();
        assert!(socket.exists());
        server.stop();
        assert!(server.process.lock().is_none());
        server.stop();
        server.restart().unwrap();
        assert!(std::os::unix::net::UnixStream::connect(&socket).is_ok());
        let directory = socket.parent().unwrap().to_path_buf();
        drop(server);
        assert!(!directory.exists());
    }
}
