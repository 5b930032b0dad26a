//! Shared parts of the tests: the program, and an outage.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use stream_tests::Server;

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        assert_eq!(value["v"], 1, "{value}");
        value
    }
}

/// The program, on a server, without the environment variables that it reads.
pub(crate) fn streamctl(server: &Server) -> Command {
    let mut command = bare();
    command.env("REDIS_URL", server.url());
    command
}

pub(crate) fn bare() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamctl"));
    for name in [
        "REDIS_URL",
        "REDIS_ADDR",
        "REDIS_PASSWORD",
        "REDIS_DB",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program with words separated by blanks.
#[track_caller]
pub(crate) fn run(server: &Server, words: &str) -> Ran {
    run_words(server, &words.split_whitespace().collect::<Vec<_>>())
}

#[track_caller]
pub(crate) fn run_words(server: &Server, words: &[&str]) -> Ran {
    Ran::of(&streamctl(server).args(words).output().unwrap())
}

/// As [`run`], with a text on its standard input.
#[track_caller]
pub(crate) fn run_with(server: &Server, words: &str, input: &str) -> Ran {
    let mut child = streamctl(server)
        .args(words.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

/// Runs a script that returns nothing.
#[track_caller]
pub(crate) fn script(server: &Server, source: &str, key: &str) {
    server.command::<Option<i64>>(&["EVAL", source, "1", key]);
}

pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Sends a command, and ignores the answer.
#[track_caller]
pub(crate) fn send(server: &Server, words: &[&str]) {
    // The client reads every answer except an error as a boolean or a list.
    let script = "return redis.call(unpack(ARGV)) and 1 or 0";
    let mut all = vec!["EVAL", script, "0"];
    all.extend(words);
    server.command::<i64>(&all);
}

/// An outage at night: `billing` of `orders` lost its only process 23 minutes ago. The
/// process held 5 entries, one of them on its third delivery; 30 are unread. There are 41
/// dead letters of three kinds, and the stream's schema is known.
pub(crate) struct Outage {
    pub(crate) server: Server,
    /// The time at which it began.
    pub(crate) since: u64,
    /// The entry on its third delivery.
    pub(crate) suspect: String,
}

pub(crate) const MINUTES: u64 = 60_000;

impl Outage {
    pub(crate) fn begin() -> Self {
        let server = Server::start().unwrap();
        let since = now_ms() - 23 * MINUTES;
        let at = |second: u64| format!("{}-0", since + second * 1_000);
        let command = |words: &[&str]| send(&server, words);
        command(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
        for second in 0..35 {
            let order = format!("A-{second}");
            command(&[
                "XADD",
                "orders",
                &at(second),
                "order_id",
                &order,
                "amount",
                "9.5",
            ]);
        }
        let read = [
            "XREADGROUP",
            "GROUP",
            "billing",
            "node-4-2211",
            "COUNT",
            "5",
            "STREAMS",
        ];
        command(&[&read[..], &["orders", ">"]].concat());
        let suspect = at(2);
        let claim = ["XCLAIM", "orders", "billing", "node-4-2211", "0", &suspect];
        command(&[&claim[..], &["RETRYCOUNT", "3", "JUSTID"]].concat());
        command(&[
            "ZADD",
            "{orders}:members:billing",
            &since.to_string(),
            "node-4-2211",
        ]);
        command(&["HSET", "{orders}:meta", "retention:priority", "normal"]);
        command(&["HSET", "{orders}:schema", "00000000000000aa", SCHEMA]);
        for (number, reason, error, amount) in [
            (17, "undecodable", "amount: a number expected", "12,50"),
            (
                21,
                "retries-exhausted",
                "payments-db: timed out after 5 s",
                "9.5",
            ),
            (3, "permanent", "a negative amount", "-1"),
        ] {
            for n in 0..number {
                letter(&server, n, reason, error, amount);
            }
        }
        Self {
            server,
            since,
            suspect,
        }
    }

    /// A digest of everything in Redis.
    pub(crate) fn digest(&self) -> String {
        digest(&self.server)
    }
}

const SCHEMA: &str = r#"{"first_seen":1700000000000,"last_seen":1700000000000,"producers":true,
"consumers":true,"program":"billing","schema":{"name":"Order","fields":[
{"name":"order_id","type":"String"},{"name":"amount","type":"f64"}]}}"#;

/// Adds a dead letter.
pub(crate) fn letter(server: &Server, number: usize, reason: &str, error: &str, amount: &str) {
    // Each is of another entry.
    static ENTRIES: AtomicU64 = AtomicU64::new(0);
    let (order, time) = (format!("D-{number}"), now_ms().to_string());
    let entry = ENTRIES.fetch_add(1, Ordering::Relaxed);
    let id = format!("{}-{entry}", now_ms() - MINUTES);
    server.command::<String>(&[
        "XADD",
        "{orders}:dead",
        "*",
        "order_id",
        &order,
        "amount",
        amount,
        "~id",
        &id,
        "~group",
        "billing",
        "~consumer",
        "node-4-2211",
        "~deliveries",
        "1",
        "~reason",
        reason,
        "~error",
        error,
        "~time",
        &time,
    ]);
}

/// The types and contents (by `DUMP`) of all keys.
pub(crate) fn digest(server: &Server) -> String {
    let script = "local keys, all = redis.call('KEYS', '*'), {} table.sort(keys) \
                  for _, key in ipairs(keys) do \
                  all[#all + 1] = key .. '=' .. redis.sha1hex(redis.call('DUMP', key)) end \
                  return table.concat(all, '\\n')";
    server.command(&["EVAL", script, "0"])
}
