//! On a terminal: questions, and the effect of answers.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use stream_tests::{Server, wait_until};

use crate::plans::{eval, interrupt};
use crate::support::{Outage, run, send, streamctl};

const DEADLINE: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn begin(server: &Server, words: &str) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let end = || -> OwnedFd {
            let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
            open(name.as_c_str(), flags, Mode::empty()).unwrap()
        };
        let child = streamctl(server)
            .args(words.split_whitespace())
            .stdin(Stdio::from(end()))
            .stdout(Stdio::from(end()))
            .stderr(Stdio::from(end()))
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let mut shown = keyboard.try_clone().unwrap();
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let seen = Arc::clone(&screen);
        let reader = thread::Builder::new().name("screen".to_owned());
        // Once nothing has the terminal open any more, reading fails.
        let reader = reader.spawn(move || {
            let mut part = [0; 4_096];
            while let Ok(count @ 1..) = shown.read(&mut part) {
                seen.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        Self {
            child,
            keyboard,
            screen,
            reader: reader.unwrap(),
        }
    }

    fn text(&self) -> String {
        let screen = self.screen.lock().unwrap();
        String::from_utf8_lossy(&screen).replace("\r\n", "\n")
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        wait_until(DEADLINE, text, || self.text().contains(text));
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for its end. Returns its status and all output.
    fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        self.reader.join().unwrap();
        let screen = self.screen.lock().unwrap();
        let text = String::from_utf8_lossy(&screen).replace("\r\n", "\n");
        (code, text)
    }
}

const QUESTION: &str = "3 dead letters: do it? [y/N] ";

#[test]
fn a_yes_acts_and_anything_else_changes_nothing() {
    let outage = Outage::begin();
    let before = outage.digest();
    let words = "dlq rm orders --reason permanent";
    // Also the end of input, by Ctrl-D.
    for answer in ["n\n", "\n", "maybe\n", "\u{4}"] {
        let mut terminal = Terminal::begin(&outage.server, words);
        terminal.wait_for(QUESTION);
        terminal.types(answer);
        let (code, text) = terminal.ended();
        assert_eq!(code, Some(0), "{text}");
        assert!(
            text.starts_with("Would remove 3 of 41 dead letters"),
            "{text}"
        );
        assert!(text.ends_with("Nothing was changed.\n"), "{text}");
        assert_eq!(outage.digest(), before, "{answer:?}");
    }
    let mut terminal = Terminal::begin(&outage.server, words);
    terminal.wait_for(QUESTION);
    assert_eq!(outage.digest(), before);
    terminal.types("y\n");
    let (code, text) = terminal.ended();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("Removed 3 dead letters.\n"), "{text}");
    // The plan is shown once.
    assert_eq!(text.matches("Would remove").count(), 1, "{text}");
    let dead: u64 = outage.server.command(&["XLEN", "{orders}:dead"]);
    assert_eq!(dead, 38);
    let audit = run(&outage.server, "audit -o json").json();
    assert_eq!(audit["changes"][0]["done"], "3");
}

#[test]
fn nothing_is_asked_where_a_word_is_missing_or_a_program_reads() {
    let outage = Outage::begin();
    let before = outage.digest();
    for (words, end) in [
        (
            "group set-id orders billing end",
            "the same with --force-unread --yes\n",
        ),
        ("dlq rm orders --reason permanent -o json", "}\n"),
    ] {
        let (code, text) = Terminal::begin(&outage.server, words).ended();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.ends_with(end) && !text.contains("do it?"), "{text}");
    }
    assert_eq!(outage.digest(), before);
}

#[test]
fn an_interruption_at_the_question_changes_nothing() {
    let outage = Outage::begin();
    let before = outage.digest();
    let terminal = Terminal::begin(&outage.server, "dlq rm orders --reason permanent");
    terminal.wait_for(QUESTION);
    interrupt(terminal.child.id());
    assert_eq!(terminal.ended().0, Some(130));
    assert_eq!(outage.digest(), before);
}

#[test]
fn a_cleaning_that_is_interrupted_says_how_far_it_got() {
    let server = Server::start().unwrap();
    let fill = "for i = 1, 130 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end";
    eval(&server, &[fill, "1", "log"]);
    send(&server, &["XGROUP", "CREATE", "log", "g", "$"]);
    for (name, value) in [("max_length", "10"), ("min_retention_count", "0")] {
        let field = format!("retention:{name}");
        send(&server, &["HSET", "{log}:meta", &field, value]);
    }
    let mut terminal = Terminal::begin(&server, "retention run log --timeout 100s");
    terminal.wait_for("120 entries: do it? [y/N] ");
    // The plan is made; the first step waits.
    server.command::<String>(&["CLIENT", "PAUSE", "100000", "WRITE"]);
    terminal.types("y\n");
    let waits = || {
        let clients: String = server.command(&["CLIENT", "LIST"]);
        let waits = |line: &str| line.contains("cmd=evalsha") && line.contains("flags=b");
        clients.lines().any(waits)
    };
    wait_until(DEADLINE, "the first step waits", waits);
    interrupt(terminal.child.id());
    server.command::<String>(&["CLIENT", "UNPAUSE"]);
    let (code, text) = terminal.ended();
    let said = "Interrupted. Removed 50 of 120 entries. The rest is as it was.\n";
    assert!(text.ends_with(said), "{text}");
    assert_eq!(code, Some(130));
    assert_eq!(server.command::<u64>(&["XLEN", "log"]), 80);
    let audit = run(&server, "audit -o json").json();
    assert_eq!(audit["changes"][0]["done"], "50");
}
