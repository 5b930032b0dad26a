//! All changes on a cluster: a stream in partitions, on all masters.

use std::time::Duration;

use serde_json::Value;
use stream_lib::{ConnectionConfig, Cron, RawMessage, StreamConfig, StreamManager};
use stream_ops::server::{Answered, Redis, request};
use stream_tests::Cluster;

use crate::support::{bare, now_ms};

const PARTITIONS: u16 = 4;

/// A stream of four partitions: `billing` has lost its only process, which held 12
/// entries; 12 dead letters and 4 scheduled messages lie there.
struct Rig {
    cluster: Cluster,
    redis: Redis,
}

impl Rig {
    fn begin() -> Self {
        let cluster = Cluster::start().unwrap();
        let url = cluster.url();
        let redis = Redis::connect(ConnectionConfig::new(&url).unwrap()).unwrap();
        let rig = Self { cluster, redis };
        let manager = StreamManager::connect(&url).unwrap();
        let config = StreamConfig::new("orders").partitions(PARTITIONS);
        let handle = manager.create_simple_producer("p", config).unwrap();
        let producer = handle.typed::<RawMessage>();
        for number in 1..=4 {
            let message = RawMessage::new().with("n", format!("later-{number}"));
            let wait = Duration::from_secs(3_600 * number);
            producer.with(&message).after(wait).add().unwrap();
        }
        drop((producer, handle, manager));
        rig.ran("group create orders billing --yes", 0);
        for part in 0..PARTITIONS {
            let stream = format!("{{orders:{part}}}");
            for number in 0..10 {
                rig.tell(&stream, &["XADD", &stream, "*", "n", &number.to_string()]);
            }
            let read = ["XREADGROUP", "GROUP", "billing", "node-1", "COUNT", "3"];
            rig.tell(&stream, &[&read[..], &["STREAMS", &stream, ">"]].concat());
            for number in 0..3 {
                rig.bury(&format!("{stream}:dead"), number);
            }
        }
        let members = "{orders}:members:billing";
        let lapsed = (now_ms() - 600_000).to_string();
        rig.tell(members, &["ZADD", members, &lapsed, "node-1"]);
        rig
    }

    fn bury(&self, dead: &str, number: u64) {
        let id = format!("{}-{number}", now_ms());
        let letter = ["XADD", dead, "*", "n", "1", "~id", &id, "~group", "billing"];
        let reason = ["~reason", "permanent", "~error", "no"];
        self.tell(dead, &[&letter[..], &reason].concat());
    }

    #[track_caller]
    fn tell(&self, key: &str, words: &[&str]) {
        let answers = self.redis.tell(key, &[request(words)]).unwrap();
        assert_eq!(answers[0].error(), None, "{words:?}");
    }

    fn count(&self, key: &str, words: &[&str]) -> u64 {
        let answer = self.redis.ask_one(key, request(words)).unwrap();
        answer.count().unwrap()
    }

    /// The keys of all partitions with a suffix, such as `:dead`, together.
    fn lengths(&self, end: &str) -> u64 {
        let keys = (0..PARTITIONS).map(|part| format!("{{orders:{part}}}{end}"));
        keys.map(|key| self.count(&key, &["XLEN", &key])).sum()
    }

    /// The contents of all masters.
    fn digest(&self) -> String {
        let masters = self.cluster.masters().into_iter();
        masters.map(crate::support::digest).collect()
    }

    #[track_caller]
    fn ran(&self, words: &str, code: i32) -> String {
        let output = bare()
            .args(["--url", &self.cluster.url()])
            .args(words.split_whitespace())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let out = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words}: {out}{err}");
        out
    }

    #[track_caller]
    fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.ran(&format!("{words} -o json"), 0)).unwrap()
    }

    /// Plans a change, checks that nothing changed, and carries the plan out. Returns the
    /// number of changes.
    #[track_caller]
    fn acts(&self, words: &str) -> u64 {
        let before = self.digest();
        let plan = self.json(words);
        assert_eq!(plan["dry_run"], true, "{words}: {plan}");
        assert_eq!(self.digest(), before, "{words}");
        let with = plan["act_with"].as_str().unwrap();
        let done = self.json(&format!("{words} {with}"));
        assert_eq!(
            (&done["done"], &done["ended"], &done["in_audit"]),
            (&plan["count"], &"through".into(), &true.into()),
            "{words}: {done}"
        );
        let audit = self.json("audit -n 1");
        assert_eq!(audit["changes"][0]["action"], done["action"], "{words}");
        done["done"].as_u64().unwrap()
    }

    #[track_caller]
    fn group(&self) -> Value {
        self.json("group info orders billing")
    }
}

#[test]
fn all_that_changes_something_works_across_masters() {
    let rig = Rig::begin();
    let group = rig.group();
    assert_eq!(
        (&group["unread"], &group["pending"]),
        (&28.into(), &12.into())
    );

    assert_eq!(rig.acts("group hold orders billing --for 30m"), 1);
    assert_eq!(rig.group()["state"], "held");
    assert_eq!(rig.acts("group release orders billing"), 1);
    assert_ne!(rig.group()["state"], "held");

    assert_eq!(rig.acts("pending release orders billing --limit 5"), 5);
    assert_eq!(rig.group()["waiting"], 5);
    assert_eq!(rig.acts("pending bury orders billing --limit 2"), 2);
    assert_eq!(
        (rig.lengths(":dead"), &rig.group()["pending"]),
        (14, &10.into())
    );
    assert_eq!(rig.acts("pending ack orders billing --limit 3"), 3);
    assert_eq!(rig.group()["pending"], 7);
    assert_eq!(rig.acts("consumer rm orders billing node-1"), 1);
    assert_eq!(rig.group()["consumers"].as_array().unwrap().len(), 0);

    let (length, dead) = (rig.lengths(""), rig.lengths(":dead"));
    assert_eq!(rig.acts("dlq redrive orders --limit 6"), 6);
    assert_eq!(
        (rig.lengths(""), rig.lengths(":dead")),
        (length + 6, dead - 6)
    );
    assert_eq!(rig.acts("dlq rm orders --limit 5"), 5);
    assert_eq!(rig.lengths(":dead"), dead - 11);

    assert_eq!(rig.acts("scheduled run-now orders --limit 1"), 1);
    assert_eq!(rig.lengths(""), length + 7);
    assert_eq!(rig.acts("scheduled cancel orders --limit 2"), 2);
    assert_eq!(rig.json("scheduled ls orders")["scheduled"], 1);

    assert_eq!(rig.acts("replay orders --from - --into copies"), length + 7);
    assert_eq!(rig.count("copies", &["XLEN", "copies"]), length + 7);
    assert_eq!(
        rig.acts("replay orders --from - --limit 9 --group billing"),
        9
    );
    assert_eq!(rig.lengths(""), length + 16);

    assert_eq!(rig.acts("group set-id orders billing end"), 1);
    assert_eq!(rig.group()["unread"], 0);
    assert_eq!(rig.acts("stream trim orders --max-length 16"), length);
    assert_eq!(rig.lengths(""), 16);
    for part in 0..PARTITIONS {
        let meta = format!("{{orders:{part}}}:meta");
        let settings = ["retention:priority", "low", "retention:max_length", "2"];
        let least = ["retention:min_retention_count", "0"];
        rig.tell(&meta, &[&["HSET", &meta][..], &settings, &least].concat());
    }
    let keys = (0..PARTITIONS).map(|part| format!("{{orders:{part}}}"));
    let excess = keys.map(|key| rig.count(&key, &["XLEN", &key]).saturating_sub(2));
    let excess: u64 = excess.sum();
    assert_eq!(rig.acts("retention run orders"), excess);
    assert_eq!(rig.lengths(""), 16 - excess);

    assert_eq!(rig.acts("group rm orders billing"), 1);
    rig.ran("group info orders billing", 5);
}

#[test]
fn a_job_of_a_partition_on_a_cluster_is_paused_and_run_now() {
    let rig = Rig::begin();
    let manager = StreamManager::connect(rig.cluster.url()).unwrap();
    let daily = Cron::parse("@daily").unwrap();
    manager
        .cron_to("orders", "nightly", daily, || {
            RawMessage::new().with("n", "nightly")
        })
        .unwrap();
    let length = rig.lengths("");
    assert_eq!(rig.acts("cron pause orders nightly"), 1);
    assert_eq!(rig.acts("cron run-now orders nightly --wait 5m"), 1);
    assert_eq!(rig.lengths(""), length + 1);
    assert_eq!(rig.json("cron ls orders")["jobs"][0]["state"], "paused");
    assert_eq!(rig.acts("cron resume orders nightly"), 1);
}

#[test]
fn dead_letters_of_a_cluster_go_out_and_come_in_once() {
    let rig = Rig::begin();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    std::fs::write(file.path(), rig.ran("dlq export orders", 0)).unwrap();
    let words = format!("dlq import orders {path}");
    assert_eq!(rig.json(&words)["already_there"], 12);
    assert_eq!(rig.acts("dlq rm orders"), 12);
    assert_eq!(rig.acts(&words), 12);
    assert_eq!(rig.lengths(":dead"), 12);
    assert_eq!(rig.json(&words)["count"], 0);
}
