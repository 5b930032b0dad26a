//! `make dashboard`: the demonstration shows its fault, and leaves nothing behind.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use stream_tests::wait_until;

use crate::support::{Answer, LONG, connect};

/// The program that `make dashboard` runs, built if it is missing.
fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let target = this.parent().and_then(Path::parent).unwrap();
    let program = target.join("examples").join("dashboard");
    if !program.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--package", "stream-ops", "--example", "dashboard"])
            .status();
        assert!(built.unwrap().success());
    }
    program
}

/// A run of the program, with a directory of its own for its files. Dropping it ends the
/// run.
struct Running {
    child: Child,
    /// It writes on behind its address: a closed pipe would end it.
    _lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
    home: tempfile::TempDir,
}

impl Running {
    fn start(fault: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(program())
            .args(["--fault", fault, "--listen", "127.0.0.1:0"])
            .env("TMPDIR", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let url = line.strip_prefix("dashboard")?.trim().to_owned();
            let address = url.strip_prefix("http://")?.trim_end_matches('/');
            address.parse().ok()
        });
        Self {
            address: address.expect("it prints its address"),
            child,
            _lines: lines,
            home,
        }
    }

    fn get(&self, path: &str) -> Answer {
        let mut stream = connect(self.address);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    /// The processes that it has started: those with its directory in their environment.
    fn processes(&self) -> Vec<u32> {
        let home = format!("TMPDIR={}", self.home.path().display());
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let of_it = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let mut words = environment.split(|byte| *byte == 0);
            words.any(|word| word == home.as_bytes())
        };
        pids.filter(of_it).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home.path()).unwrap().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    fn tell(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args([signal, &pid]).status();
        assert!(told.unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn make_dashboard_shows_its_fault_and_leaves_nothing() {
    let mut running = Running::start("poison");
    wait_until(LONG, "dead letters on the page", || {
        running.get("/dead").body.contains("/streams/orders/dead")
    });
    for path in [
        "/",
        "/messages",
        "/schedules",
        "/system",
        "/streams/orders",
        "/overview.json",
        "/metrics",
        "/style.css",
    ] {
        let answer = running.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
    // The program, the server, and the processes of the groups.
    let running_now = running.processes();
    assert!(running_now.len() >= 6, "{running_now:?}");
    assert!(!running.files().is_empty(), "its server has no directory");

    running.tell("-INT");
    let status = running.child.wait().unwrap();
    assert!(status.success(), "{status}");
    wait_until(LONG, "the end of all its processes", || {
        running.processes().is_empty()
    });
    assert_eq!(running.files(), Vec::<PathBuf>::new());
    assert!(
        TcpStream::connect(running.address).is_err(),
        "somebody still listens"
    );
}

#[test]
fn nothing_is_left_either_where_it_is_killed() {
    let mut running = Running::start("none");
    wait_until(LONG, "the streams", || {
        running.get("/").body.contains("/streams/orders")
    });
    running.tell("-KILL");
    running.child.wait().unwrap();
    // Its members take half a minute to give up a server that is gone.
    wait_until(LONG * 2, "the end of all its processes", || {
        running.processes().is_empty()
    });
}

#[test]
fn the_makefile_runs_this_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let target = makefile.split("\ndashboard:").nth(1).unwrap();
    let target = target.split("\n\n").next().unwrap();
    assert!(
        target.contains("run -p stream-ops --example dashboard -- --fault $(FAULT)"),
        "{target}"
    );
}
