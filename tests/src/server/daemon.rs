//! One life of a server process.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::ServerError;
use crate::signal;
use crate::wait::poll;
use crate::watchdog::Watchdog;

/// Long enough to load an append-only file on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(30);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const PORT_BACK_DEADLINE: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// All that is needed to start the server repeatedly.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) binary: PathBuf,
    pub(super) dir: PathBuf,
    pub(super) config: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    /// The output of the process before its log is open.
    pub(super) output: PathBuf,
    /// More variables for its environment.
    pub(super) environment: Vec<(String, String)>,
    /// Arguments behind the configuration file.
    pub(super) arguments: Vec<String>,
}

impl Recipe {
    /// Files named as in a server's own manuals, in `dir`.
    pub(super) fn new(binary: PathBuf, dir: &Path) -> Self {
        Self {
            binary,
            dir: dir.to_path_buf(),
            config: dir.join("redis.conf"),
            socket: dir.join("redis.sock"),
            log: dir.join("redis.log"),
            output: dir.join("output"),
            environment: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Starts the server on the ports it had. Another program may have one of
    /// them for a moment, so a port that is taken is waited for.
    pub(super) fn start_again(&self) -> Result<Daemon, ServerError> {
        let mut outcome = None;
        poll(PORT_BACK_DEADLINE, || {
            outcome = Some(self.start());
            let taken = matches!(&outcome, Some(Err(e)) if e.says_port_is_taken());
            (!taken).then_some(())
        });
        // `poll` asks at least once.
        outcome.unwrap_or_else(|| self.start())
    }

    /// Starts the server and waits until it answers.
    ///
    /// Each life has a log of its own, so that an old error about a port is not mistaken
    /// for a new one.
    pub(super) fn start(&self) -> Result<Daemon, ServerError> {
        for old in [&self.log, &self.output] {
            let _ = fs::rename(old, old.with_extension("old"));
        }
        let ended = match Daemon::start(self) {
            Ok(Start::Ready(daemon)) => return Ok(daemon),
            Ok(Start::Ended) => true,
            Ok(Start::Silent) => false,
            Err(e) => return Err(ServerError::system("starting a private server", e)),
        };
        Err(ServerError::not_ready(&self.binary, ended, self.log()))
    }

    pub(super) fn log(&self) -> String {
        [&self.output, &self.log]
            .into_iter()
            .filter_map(|file| fs::read(file).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }
}

/// A running server process, killed and reaped on drop.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    watchdog: Option<Watchdog>,
}

/// The outcome of a start.
#[derive(Debug)]
enum Start {
    Ready(Daemon),
    Ended,
    Silent,
}

impl Daemon {
    fn start(recipe: &Recipe) -> io::Result<Start> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(&recipe.output)?;
        let child = Command::new(&recipe.binary)
            .arg(&recipe.config)
            .args(&recipe.arguments)
            .current_dir(&recipe.dir)
            .envs(recipe.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // A Ctrl-C stops the program that owns the server, and that takes
            // the server down when it no longer needs it.
            .process_group(0)
            .spawn()?;
        let mut daemon = Self {
            child,
            watchdog: None,
        };
        daemon.watchdog = Some(Watchdog::over(daemon.pid(), Some(&recipe.dir))?);

        let ready = poll(READY_DEADLINE, || {
            if !daemon.is_running() {
                return Some(false);
            }
            answers_ping(&recipe.socket).then_some(true)
        });
        Ok(match ready {
            Some(true) => Start::Ready(daemon),
            Some(false) => Start::Ended,
            None => Start::Silent,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process lives; one that has ended is reaped.
    pub(super) fn is_running(&mut self) -> bool {
        let running = matches!(self.child.try_wait(), Ok(None));
        if !running && let Some(watchdog) = self.watchdog.take() {
            watchdog.stand_down();
        }
        running
    }

    /// Sends a signal; false when the process has ended.
    pub(super) fn signal(&mut self, signal: Signal) -> bool {
        let running = self.is_running();
        if running {
            signal::send(self.pid(), signal);
        }
        running
    }

    /// Asks the server to end, and kills it where it does not.
    pub(super) fn stop(mut self) {
        self.signal(Signal::TERM);
        // A frozen process takes no SIGTERM before it goes on.
        self.signal(Signal::CONT);
        poll(STOP_DEADLINE, || (!self.is_running()).then_some(()));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The watchdog ends only when the process is certain to die, and before it is
        // reaped, while its id can't belong to another process.
        let _ = self.child.kill();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.stand_down();
        }
        let _ = self.child.wait();
    }
}

/// Whether the server answers and has loaded its data. It listens on tcp
/// before it answers on the socket, so both are ready then.
fn answers_ping(socket: &Path) -> bool {
    let ask = || -> io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PING_TIMEOUT))?;
        stream.set_write_timeout(Some(PING_TIMEOUT))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(b"\n") && stream.read(&mut byte)? == 1 {
            reply.extend_from_slice(&byte);
        }
        Ok(reply)
    };
    // Without credentials a guarded server refuses, which is an answer too.
    ask().is_ok_and(|reply| {
        [&b"+PONG"[..], b"-NOAUTH", b"-NOPERM"]
            .iter()
            .any(|known| reply.starts_with(known))
    })
}
