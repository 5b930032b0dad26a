//! The demonstration: it shows its fault, and leaves nothing behind.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use stream_tests::wait_until;

use crate::support::bare;

const LONG: Duration = Duration::from_secs(120);

struct Demo {
    child: Child,
    url: String,
    /// What it has said at its start.
    said: String,
}

impl Demo {
    fn begin(fault: &str) -> Self {
        Self::until(&["--fault", fault], "leaves nothing.")
    }

    /// Begins one, which says `last` at the end of its start.
    fn until(words: &[&str], last: &str) -> Self {
        let mut child = bare()
            .arg("demo")
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            said.push_str(&line.unwrap());
            said.push('\n');
            if said.contains(last) {
                break;
            }
        }
        let url = behind(&said, "REDIS_URL='")
            .trim_end_matches('\'')
            .to_owned();
        Self { child, url, said }
    }

    fn ask(&self, words: &str) -> Option<Value> {
        let asked = bare()
            .args(["--url", &self.url])
            .args(words.split_whitespace())
            .args(["-o", "json"])
            .output()
            .unwrap();
        serde_json::from_slice(&asked.stdout).ok()
    }

    fn socket(&self) -> PathBuf {
        Path::new(self.url.trim_start_matches("redis+unix://")).to_path_buf()
    }

    /// The processes that the demonstration has started.
    fn children(&self) -> Vec<u32> {
        let is_its = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let behind = stat.rsplit(')').next().unwrap_or_default();
            let parent = behind.split_whitespace().nth(1);
            parent == Some(&self.child.id().to_string())
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(is_its).collect()
    }

    fn end(mut self, signal: &str) {
        let (children, socket) = (self.children(), self.socket());
        assert!(
            children.len() >= 2 && socket.exists(),
            "{children:?} {}",
            socket.display()
        );
        let pid = self.child.id().to_string();
        let killed = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(killed.unwrap().success());
        let status = self.child.wait().unwrap();
        if signal == "-INT" {
            assert_eq!(status.code(), Some(130));
            assert!(!socket.parent().unwrap().exists());
        }
        // A killed process can't wait for its children.
        let is_gone = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
        };
        wait_until(LONG, "all its processes are gone", || {
            children.iter().all(is_gone)
        });
    }
}

/// The rest of the line behind these words.
#[track_caller]
fn behind<'a>(text: &'a str, words: &str) -> &'a str {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("{text}"));
    rest.lines().next().unwrap()
}

/// Sends a request by hand, and returns the answer.
fn ask(address: &str, head: &str, body: &str) -> String {
    let mut page = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        page,
        "{head}\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    page.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_dashboard_is_served_with_it() {
    let words = ["--serve", "--listen", "127.0.0.1:0"];
    let demo = Demo::until(&words, "the password ");
    let address = behind(&demo.said, "The dashboard: http://");
    let address = address.trim_end_matches('/').to_owned();
    let text = ask(&address, "GET / HTTP/1.1", "");
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("demo"),
        "{text}"
    );
    // The password that it has said allows every change.
    let password = behind(&demo.said, "the password ");
    let change = |password: &str, form: &str| {
        let head = format!("POST /change HTTP/1.1\r\nAuthorization: Bearer {password}");
        ask(&address, &head, form)
    };
    let hold = "do=hold&stream=orders&group=billing&for=1+min";
    wait_until(LONG, "the group", || {
        change(password, hold).contains("Hold billing back for")
    });
    let remove = change(password, "do=remove-dead&stream=orders&letter=1-0");
    assert!(remove.starts_with("HTTP/1.1 200"), "{remove}");
    let wrong = change("a guess", hold);
    assert!(wrong.starts_with("HTTP/1.1 401"), "{wrong}");
    demo.end("-INT");
    TcpStream::connect(&address).unwrap_err();
}

#[test]
fn poison_ends_among_the_dead_letters() {
    let demo = Demo::begin("poison");
    let is_seen = || {
        let plan = demo.ask("dlq redrive orders");
        plan.is_some_and(|plan| plan["would_fail"]["count"].as_u64() > Some(0))
    };
    wait_until(LONG, "a dead letter would fail again", is_seen);
    demo.end("-INT");
}

#[test]
fn a_crash_leaves_entries_in_dead_hands() {
    let demo = Demo::begin("crash");
    let is_seen = || {
        let plan = demo.ask("pending bury orders billing --suspects");
        plan.is_some_and(|plan| plan["count"].as_u64() > Some(0))
    };
    wait_until(LONG, "dead hands hold what has killed them", is_seen);
    demo.end("-INT");
}

#[test]
fn a_slow_group_falls_behind_and_a_killed_demo_leaves_no_process() {
    let demo = Demo::begin("slow");
    let is_seen = || {
        let group = demo.ask("group info orders billing");
        group.is_some_and(|group| group["unread"].as_u64() > Some(20))
    };
    wait_until(LONG, "the group is behind", is_seen);
    demo.end("-KILL");
}
