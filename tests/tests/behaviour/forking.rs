//! Forks of a process that uses the library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{env, fs, thread};

use fork::{Fork, fork, waitpid_nohang};
use stream_lib::{
    Added, BackupStreamConfig, Consumer, ConsumerConfig, Error, ErrorKind, Producer, RawMessage,
    Receipt, StreamConfig, StreamManager,
};
use stream_tests::{Server, poll, wait_until};
use tempfile::TempDir;

use crate::support::DEADLINE;

const DIRECTORY: &str = "STREAM_TESTS_FORK_DIRECTORY";
const URL: &str = "STREAM_TESTS_FORK_URL";
const FORKS: usize = 5;

#[test]
fn child_can_use_nothing_of_its_parent_and_disturbs_nothing() {
    let server = Server::start().unwrap();
    let dir = TempDir::new().unwrap();
    let mut parent = Command::new(env::current_exe().unwrap());
    parent
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("forking::life_of_a_parent")
        .env(DIRECTORY, dir.path())
        .env(URL, server.url());
    assert!(parent.status().unwrap().success());
    for child in 0..FORKS {
        let wrong = fs::read_to_string(report(dir.path(), child)).unwrap();
        assert_eq!(wrong, "", "in child {child}");
    }
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn life_of_a_parent() {
    if let (Ok(directory), Ok(url)) = (env::var(DIRECTORY), env::var(URL)) {
        live(Path::new(&directory), &url);
    }
}

/// The place where a child says what went wrong.
fn report(directory: &Path, child: usize) -> PathBuf {
    directory.join(format!("child-{child}"))
}

/// The place where it says how far it came.
fn progress(directory: &Path, child: usize) -> PathBuf {
    directory.join(format!("progress-{child}"))
}

fn message(text: &str) -> RawMessage {
    RawMessage::new().with("text", text)
}

/// All that a process has of the library.
struct Held {
    manager: StreamManager,
    consumer: Consumer,
    simple: Producer<RawMessage>,
    spooled: Producer<RawMessage>,
    receipt: Receipt,
}

/// A parent that adds by all its producers, in many threads, and forks meanwhile.
fn live(directory: &Path, url: &str) {
    let manager = StreamManager::connect(url).unwrap();
    let spooling = BackupStreamConfig::new("spooled")
        .max_length(1_000_000)
        .spool_dir(directory.join("spool"));
    manager
        .create_simple_producer("simple", StreamConfig::new("simple"))
        .unwrap();
    manager.create_backup_producer("spooled", spooling).unwrap();
    let consumer = manager
        .consume_fn::<RawMessage>("c", ConsumerConfig::new("consumed"), |_| Ok(()))
        .unwrap();
    let producers: [Producer<RawMessage>; 2] =
        ["simple", "spooled"].map(|name| manager.producer(name).unwrap());
    let [simple, spooled] = producers.clone();
    let mut held = Some(Held {
        receipt: simple.send(&message("queued")).unwrap(),
        manager,
        consumer,
        simple,
        spooled,
    });
    let (ended, count) = (AtomicBool::new(false), AtomicUsize::new(1));
    let mut added: Vec<(String, String)> = Vec::new();
    thread::scope(|scope| {
        let add = |producer: Producer<RawMessage>, adder: usize| {
            let (ended, count) = (&ended, &count);
            move || {
                let mut added = Vec::new();
                while !ended.load(Ordering::SeqCst) {
                    let text = format!("{adder}-{}", added.len());
                    let result = producer.add(&message(&text));
                    let Ok(Added::Main(id)) = result else {
                        ended.store(true, Ordering::SeqCst);
                        panic!("the parent's add failed: {result:?}");
                    };
                    added.push((format!("{} {id}", producer.stream()), text));
                    count.fetch_add(1, Ordering::SeqCst);
                }
                added
            }
        };
        let adders: Vec<_> = (0..6)
            .map(|n| scope.spawn(add(producers[n % 2].clone(), n)))
            .collect();
        for child in 0..FORKS {
            let so_far = count.load(Ordering::SeqCst);
            let more = || count.load(Ordering::SeqCst) > so_far + 100;
            wait_until(DEADLINE, "more adds", || {
                more() || ended.load(Ordering::SeqCst)
            });
            let ours = held.as_mut().unwrap();
            let next = ours.simple.send(&message("queued")).unwrap();
            match fork().unwrap() {
                Fork::Child => {
                    let done = |step: &str| fs::write(progress(directory, child), step).unwrap();
                    let wrong = misuse(held.take().unwrap(), url, &done);
                    done("all");
                    fs::write(report(directory, child), wrong.join("\n")).unwrap();
                    exit(0);
                }
                Fork::Parent(pid) => {
                    let ends = || waitpid_nohang(pid).unwrap();
                    if poll(DEADLINE, ends).is_none() {
                        ended.store(true, Ordering::SeqCst);
                        let step = fs::read_to_string(progress(directory, child));
                        panic!("child {child} hangs; the last step that it did: {step:?}");
                    }
                }
            }
            let receipt = std::mem::replace(&mut ours.receipt, next);
            assert!(matches!(receipt.wait(), Ok(Added::Main(_))));
        }
        ended.store(true, Ordering::SeqCst);
        for adder in adders {
            added.extend(adder.join().unwrap());
        }
    });
    let held = held.unwrap();
    assert!(matches!(held.receipt.wait(), Ok(Added::Main(_))));
    let report = held.manager.shutdown();
    assert_eq!(report.spooled, 0);
    check(url, &added);
}

/// Each add was told the id of its own message, and each is there once.
fn check(url: &str, added: &[(String, String)]) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut there = BTreeMap::new();
    for stream in ["simple", "spooled"] {
        let entries: Vec<(String, Vec<String>)> = redis::cmd("XRANGE")
            .arg(&[stream, "-", "+"])
            .query(&mut connection)
            .unwrap();
        for (id, fields) in entries {
            if fields[1] != "queued" {
                there.insert(format!("{stream} {id}"), fields[1].clone());
            }
        }
    }
    let told: BTreeMap<String, String> = added.iter().cloned().collect();
    assert_eq!(told.len(), added.len(), "an id was told twice");
    assert!(told == there, "ids are told of other messages");
}

/// Tries all that a child must not do, and reports each step. Returns what went another
/// way than it must.
fn misuse(held: Held, url: &str, done: &dyn Fn(&str)) -> Vec<String> {
    let mut wrong = Vec::new();
    let Held {
        manager,
        consumer,
        simple,
        spooled,
        receipt,
    } = held;
    let text = message("of a child");
    let mut must_fail = |what: &str, error: Option<Error>| {
        let kind = error.as_ref().map(Error::kind);
        let says = error.map(|e| e.to_string()).unwrap_or_default();
        if kind != Some(ErrorKind::Closed) || !says.contains("forked off") {
            wrong.push(format!("{what}: {kind:?} {says}"));
        }
        done(what);
    };
    for producer in [&simple, &spooled] {
        must_fail("add", producer.add(&text).err());
        must_fail("add with a key", producer.add_with_key(&text, "k").err());
        for added in producer.add_all([&text, &text]) {
            must_fail("add all", added.err());
        }
        must_fail("send", producer.send(&text).err());
        let flushed = producer.flush(DEADLINE);
        must_fail("flush", flushed.failures.first().map(|f| f.error.clone()));
    }
    must_fail("receipt", receipt.wait().err());
    must_fail("add to", manager.add_to("simple", &text).err());
    let flushed = manager.flush(DEADLINE);
    must_fail(
        "flush all",
        flushed.failures.first().map(|f| f.error.clone()),
    );
    let config = || StreamConfig::new("new");
    must_fail(
        "create",
        manager.create_simple_producer("n", config()).err(),
    );
    must_fail(
        "create",
        manager.create_backup_producer("n", config()).err(),
    );
    must_fail("remove", manager.remove_producer("simple").err());
    must_fail("find", manager.producer::<RawMessage>("simple").err());
    let consume = manager.consume_fn::<RawMessage>("n", ConsumerConfig::new("new"), |_| Ok(()));
    must_fail("consume", consume.err());
    must_fail("start", consumer.start().err());
    must_fail("start by name", manager.start_consumer("c").err());
    must_fail("stop by name", manager.stop_consumer("c").err());
    must_fail("remove consumer", manager.remove_consumer("c").err());
    must_fail("stats", manager.stats().err());
    must_fail("stream stats", manager.stream_stats("simple").err());
    must_fail("spool stats", manager.spool_stats("spooled").err());
    let dead = manager.dead_letters("simple");
    must_fail("dead letters", dead.and_then(|dead| dead.list(1)).err());
    must_fail("plan", manager.retention_plan("simple").err());
    must_fail("clean", manager.cleanup_now("simple").err());
    must_fail("blocked", manager.blocked_streams().err());
    must_fail("remove group", manager.remove_group("simple", "g").err());
    must_fail("delete", manager.delete_stream("simple").err());
    if consumer.is_running() || consumer.name().is_some() {
        wrong.push("the consumer seems to run".to_owned());
    }
    let _ = (consumer.stats(), consumer.stop(), format!("{consumer:?}"));
    let _ = (manager.list_producers(), manager.list_consumers());
    let _ = (manager.metrics(), format!("{manager:?}"));
    done("looking at them");
    if manager.shutdown().still_running > 0 {
        wrong.push("something still runs".to_owned());
    }
    done("the shutdown");
    drop((consumer, simple, spooled));
    drop(manager);
    done("dropping them");
    // The library's locks may name threads of the parent.
    match StreamManager::connect(url) {
        Ok(_) => wrong.push("a manager of the child's own was made".to_owned()),
        Err(e) if e.kind() == ErrorKind::Closed && e.to_string().contains("fork first") => {}
        Err(e) => wrong.push(format!("a manager of the child's own: {e}")),
    }
    wrong
}
