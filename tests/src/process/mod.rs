//! Programs run as processes of their own: started, signalled, waited for.

mod examples;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::signal;
use crate::wait::poll;
use crate::watchdog::Watchdog;

/// A program to run, with its arguments and environment.
#[derive(Debug)]
#[must_use]
pub struct Program {
    name: String,
    command: Command,
}

impl Program {
    /// A program of the `examples` crate. All of them are built at the first
    /// call in a test process, with the profile of the running test.
    ///
    /// # Panics
    ///
    /// When they don't build, or there is none of this name.
    #[track_caller]
    pub fn example(name: &str) -> Self {
        Self::at(examples::path(name))
    }

    /// A program by its path. `REDIS_URL` is not handed on to it, so that no
    /// test works on a server that is not its own.
    pub fn at(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let mut command = Command::new(path);
        for name in ["REDIS_URL", "REDIS_ADDR", "REDIS_PASSWORD", "REDIS_DB"] {
            command.env_remove(name);
        }
        Self {
            name: path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            command,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets `REDIS_URL`. Defaults to none, with which an example starts a
    /// private server.
    pub fn redis_url(self, url: impl AsRef<str>) -> Self {
        self.env("REDIS_URL", url.as_ref())
    }

    /// Starts the program, its output going to files.
    ///
    /// # Panics
    ///
    /// When it can't be started.
    #[track_caller]
    pub fn spawn(self) -> Process {
        let name = self.name.clone();
        match self.start() {
            Ok(process) => process,
            Err(e) => panic!("starting {name}: {e}"),
        }
    }

    /// Runs the program to its end.
    ///
    /// # Blocking
    ///
    /// Until it ends.
    ///
    /// # Panics
    ///
    /// When it can't be started, or has not ended after `deadline`.
    #[track_caller]
    pub fn run(self, deadline: Duration) -> Finished {
        let process = self.spawn();
        let status = process.wait(deadline);
        Finished {
            status,
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    fn start(mut self) -> io::Result<Process> {
        let dir = tempfile::Builder::new()
            .prefix("stream-process-")
            .tempdir()?;
        let stdout = dir.path().join("stdout");
        let stderr = dir.path().join("stderr");
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .process_group(0)
            .spawn()?;
        let mut process = Process {
            name: self.name,
            life: Mutex::new(Life {
                child,
                watchdog: None,
            }),
            stdout,
            stderr,
            _dir: dir,
        };
        let watchdog = Watchdog::over(process.pid(), None)?;
        process.life.get_mut().watchdog = Some(watchdog);
        Ok(process)
    }
}

/// The end of a program, and its output.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// The exit status, or the signal that ended it.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A running program. It is killed and reaped on drop, and also when the test
/// process is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    life: Mutex<Life>,
    stdout: PathBuf,
    stderr: PathBuf,
    _dir: TempDir,
}

#[derive(Debug)]
struct Life {
    child: Child,
    watchdog: Option<Watchdog>,
}

impl Process {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.life.lock().child.id()
    }

    /// Whether the process lives; a frozen one does.
    pub fn is_running(&self) -> bool {
        self.status().is_none()
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to end as Ctrl-C does (SIGINT).
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it at once (SIGKILL).
    ///
    /// # Blocking
    ///
    /// Until it has ended.
    pub fn kill(&self) {
        self.life.lock().end();
    }

    /// Stops it in its tracks (SIGSTOP) until [`thaw`](Self::thaw).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes it (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it has not ended after `deadline`; the text has what it printed.
    #[track_caller]
    pub fn wait(&self, deadline: Duration) -> ExitStatus {
        match poll(deadline, || self.status()) {
            Some(status) => status,
            None => panic!(
                "{} still runs after {deadline:?}\n{}",
                self.name,
                self.output()
            ),
        }
    }

    /// Waits until its standard output has `text`.
    ///
    /// # Panics
    ///
    /// When it ends, or `deadline` passes, without it.
    #[track_caller]
    pub fn wait_for_output(&self, deadline: Duration, text: &str) {
        let found = poll(deadline, || {
            // Asked first: the output of an ended process is complete.
            let running = self.is_running();
            if self.stdout().contains(text) {
                Some(true)
            } else if running {
                None
            } else {
                Some(false)
            }
        });
        let why = match found {
            Some(true) => return,
            Some(false) => "ended without",
            None => "has not yet",
        };
        panic!("{} {why} printing {text:?}\n{}", self.name, self.output());
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Its end, if it has ended.
    pub fn status(&self) -> Option<ExitStatus> {
        self.life.lock().status()
    }

    fn output(&self) -> String {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        format!("--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }

    /// A signal to a process that has ended is no error: a test often can't know.
    fn signal(&self, signal: Signal) {
        let mut life = self.life.lock();
        if life.status().is_none() {
            signal::send(life.child.id(), signal);
        }
    }
}

impl Life {
    fn status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some()
            && let Some(watchdog) = self.watchdog.take()
        {
            watchdog.stand_down();
        }
        status
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.stand_down();
        }
        let _ = self.child.wait();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end();
    }
}

fn read(file: &Path) -> String {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
