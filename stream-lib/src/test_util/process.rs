//! One server process, in a directory of its own.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, process};

use crate::runtime::Shutdown;

/// Long enough for a busy machine.
const START: Duration = Duration::from_secs(30);
const PING: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(5);

/// The longest path that fits the address of a unix socket on all systems.
const LONGEST_PATH: usize = 100;

/// Kills the server and removes its directory once the test's process is gone, however it
/// ended: the kernel has closed the other end of the pipe then.
const WATCH: &str = r#"
trap '' HUP INT TERM
PATH="/usr/bin:/bin:$PATH"
if read -r word && [ "$word" = stand-down ]; then exit 0; fi
kill -KILL "$1" 2>/dev/null
rm -rf -- "$2"
"#;

/// A running server. Killed on drop.
#[derive(Debug)]
pub(super) struct Process {
    server: Child,
    watchdog: Child,
}

impl Process {
    /// Starts `program` and waits until it answers.
    pub(super) fn start(program: &Path, dir: &Directory) -> io::Result<Self> {
        let log = File::create(dir.0.join("log"))?;
        let mut server = Command::new(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .args(["--daemonize", "no", "--unixsocketperm", "700"])
            .arg("--unixsocket")
            .arg(dir.socket())
            .arg("--dir")
            .arg(&dir.0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C is meant for the test, which stops the server.
            .process_group(0)
            .spawn()?;
        let watchdog = Command::new("/bin/sh")
            .args(["-c", WATCH, "watchdog", &server.id().to_string()])
            .arg(&dir.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let mut process = match watchdog {
            Ok(watchdog) => Self { server, watchdog },
            Err(e) => {
                let _ = server.kill();
                let _ = server.wait();
                return Err(e);
            }
        };
        process.wait_until_ready(&dir.socket())?;
        Ok(process)
    }

    fn wait_until_ready(&mut self, socket: &Path) -> io::Result<()> {
        let (end, never) = (Instant::now() + START, Shutdown::default());
        while !answers(socket) {
            if let Some(status) = self.server.try_wait()? {
                return Err(io::Error::other(format!("it ended at its start, {status}")));
            }
            if Instant::now() >= end {
                let text = format!("it didn't answer within {START:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            never.sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog goes before the server is reaped, while another process can't have
        // the server's id.
        let _ = self.server.kill();
        if let Some(mut stdin) = self.watchdog.stdin.take() {
            let _ = stdin.write_all(b"stand-down\n");
        }
        let _ = self.watchdog.wait();
        let _ = self.server.wait();
    }
}

fn answers(socket: &Path) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PING))?;
        stream.set_write_timeout(Some(PING))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply)?;
        Ok(&reply == b"+PONG")
    };
    ask().unwrap_or(false)
}

/// A directory that only this user can read, removed on drop.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn make() -> io::Result<Self> {
        let dir = Self::make_in(&env::temp_dir())?;
        if dir.socket().as_os_str().len() <= LONGEST_PATH {
            return Ok(dir);
        }
        Self::make_in(Path::new("/tmp"))
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        let random = RandomState::new();
        let mut attempt = 0_u32;
        loop {
            let number = random.hash_one(attempt);
            let dir = parent.join(format!("stream-test-{}-{number:x}", process::id()));
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => return Ok(Self(dir)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
                Err(e) => return Err(e),
            }
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join("redis.sock")
    }

    /// The server's output.
    pub(super) fn log(&self) -> String {
        let log = fs::read(self.0.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
