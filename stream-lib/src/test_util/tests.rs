//! The test tools, as users' tests see them.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::program::{Found, find};
use super::{PrivateServer, Recorded};
use crate::consumer::{BatchDelivery, Delivery, Handler, HandlerError, by_value};
use crate::error::ErrorKind;
use crate::message::{EntryId, RawMessage};
use crate::producer::{Added, Producer};
use crate::runtime::panic_text;

fn message(number: u32) -> RawMessage {
    RawMessage::new().with("number", number.to_string())
}

fn recording() -> (Producer<RawMessage>, Recorded<RawMessage>) {
    Producer::recording("orders")
}

#[test]
fn delivery_says_what_the_test_has_set() {
    let first = EntryId::new(7_000, 1);
    let delivery = Delivery::for_test(message(1))
        .id(EntryId::new(9_000, 2))
        .original_id(first)
        .attempt(3)
        .redrives(2)
        .header("traceparent", "00-a")
        .header("empty", "")
        .age(Duration::from_secs(90))
        .stream("orders")
        .group("billing")
        .consumer("c-1")
        .build();
    assert_eq!(delivery.get_str("number"), Some("1"));
    assert_eq!(
        (delivery.id(), delivery.original_id()),
        (EntryId::new(9_000, 2), first)
    );
    assert_eq!((delivery.attempt(), delivery.redrives()), (3, 2));
    assert_eq!(delivery.header("traceparent"), Some(&b"00-a"[..]));
    assert_eq!(delivery.header("number"), None);
    let names: Vec<_> = delivery.headers().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"traceparent"[..], b"empty"]);
    assert!(delivery.age() >= Duration::from_secs(90));
    let names = (delivery.stream(), delivery.group(), delivery.consumer());
    assert_eq!(names, ("orders", "billing", "c-1"));
    assert!(!delivery.lease_lost() && !delivery.is_shutting_down());
    assert_eq!(delivery.into_message(), message(1));
}

#[test]
fn delivery_of_a_consumer_in_trouble() {
    let lost = Delivery::for_test(message(1)).lease_lost().build();
    assert!(lost.lease_lost() && !lost.is_shutting_down());
    assert_eq!(lost.original_id(), lost.id());
    let ending = Delivery::for_test(message(1)).shutting_down().build();
    assert!(ending.is_shutting_down() && !ending.lease_lost());
}

#[test]
fn handler_by_value_can_be_tested_like_any_other() {
    let handler = by_value(|delivery: Delivery<RawMessage>| {
        assert_eq!(delivery.attempt(), 2);
        assert_eq!(delivery.into_message(), message(1));
        Err("seen".into())
    });
    let delivery = Delivery::for_test(message(1)).attempt(2).build();
    let error = Arc::new(handler).handle(&delivery).unwrap_err();
    assert_eq!(error.to_string(), "seen");
}

#[test]
fn answers_given_in_a_batch_can_be_read() {
    let batch = BatchDelivery::for_test([message(1), message(2)]);
    batch[1].fail("first");
    batch[1].fail(HandlerError::permanent("second"));
    assert!(batch[0].failure().is_none());
    let failure = batch[1].failure().unwrap();
    assert_eq!(failure.to_string(), "second");
    assert!(failure.is::<HandlerError>());
    assert_eq!(batch[1].id(), EntryId::new(2, 0));
    let late = Delivery::for_test(message(3)).attempt(9).build_in_batch();
    assert_eq!((late.attempt(), late.failure().is_none()), (9, true));
}

#[test]
fn everything_a_producer_adds_is_recorded_in_order() {
    let (producer, recorded) = recording();
    assert_eq!(producer.stream(), "orders");
    let receipt = producer.send(&message(1)).unwrap();
    let added = producer.add_with_key(&message(2), "k-2").unwrap();
    assert_eq!(added, Added::Main(EntryId::new(2, 0)));
    let many: Vec<_> = (3..200).map(message).collect();
    let results = producer.add_all(&many);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(receipt.wait().unwrap(), Added::Main(EntryId::new(1, 0)));
    assert_eq!(producer.flush(Duration::MAX).added, 1);

    let all: Vec<_> = (1..200).map(message).collect();
    assert_eq!(recorded.messages().unwrap(), all);
    let entries = recorded.entries();
    assert_eq!(entries[1].message(), &message(2));
    assert_eq!(entries[1].idempotency_key(), Some(&b"k-2"[..]));
    assert_eq!(entries[0].idempotency_key(), None);
    recorded.clear();
    assert!(recorded.is_empty());
}

#[test]
fn messages_fail_as_planned_and_the_others_are_recorded() {
    let (producer, recorded) = recording();
    recorded.answer_next(Added::Backup(EntryId::new(5, 5)));
    recorded.fail_next(ErrorKind::OutcomeUnknown);
    let messages = [message(1), message(2), message(3)];
    let results = producer.add_all(&messages);
    assert_eq!(
        results[0].as_ref().unwrap(),
        &Added::Backup(EntryId::new(5, 5))
    );
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(error.to_string().contains("orders"), "{error}");
    assert!(results[2].is_ok());
    assert_eq!(recorded.messages().unwrap(), [message(1), message(3)]);

    recorded.fail_next(ErrorKind::Unavailable);
    let receipt = producer.send(&message(4)).unwrap();
    assert_eq!(receipt.wait().unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(producer.flush(Duration::MAX).failed, 1);
    // An idempotency key doesn't make the library send a test's message again.
    recorded.fail_next(ErrorKind::OutcomeUnknown);
    assert!(producer.add_with_key(&message(5), "k").is_err());

    let empty = producer.add(&RawMessage::new()).unwrap_err();
    assert_eq!(empty.kind(), ErrorKind::Encode);
    assert_eq!(recorded.len(), 2);
}

/// The text of a panic that `run` ends with.
#[track_caller]
fn panic_of<T>(run: impl FnOnce() -> T) -> String {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(_) => panic!("it didn't panic"),
        Err(panic) => panic_text(panic),
    }
}

#[test]
fn header_that_no_producer_would_take_is_refused() {
    let long = "n".repeat(257);
    for name in ["", "~for", "~h:x", long.as_str()] {
        let delivery = Delivery::for_test(message(1)).header(name, "x");
        let text = panic_of(|| delivery.build());
        assert!(text.contains("header"), "{text}");
    }
}

#[test]
fn nonsense_makes_a_delivery_or_a_panic_with_a_text() {
    let delivery = Delivery::for_test(RawMessage::new())
        .id(EntryId::MAX)
        .original_id(EntryId::MIN)
        .attempt(0)
        .redrives(u32::MAX)
        .age(Duration::MAX)
        .group("")
        .consumer("\0")
        .header("n\r\n\0", [0xFF])
        .build();
    assert_eq!((delivery.attempt(), delivery.redrives()), (0, u32::MAX));
    assert!(delivery.age() > Duration::from_secs(1 << 50));
    assert_eq!(delivery.header("n\r\n\0"), Some(&[0xFF][..]));
    assert!(BatchDelivery::<RawMessage>::for_test([]).is_empty());
    for name in ["", "{", "{orders}:dead"] {
        let text = panic_of(|| Delivery::for_test(message(1)).stream(name).build());
        assert!(text.contains("stream name"), "{text}");
        let text = panic_of(|| Producer::<RawMessage>::recording(name));
        assert!(text.contains("name"), "{text}");
    }
}

#[test]
fn messages_of_many_threads_are_each_recorded_once() {
    let (producer, recorded) = recording();
    thread::scope(|scope| {
        for thread in 0..8 {
            let producer = producer.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    let message = message(thread * 100 + number);
                    if number % 2 == 0 {
                        producer.add(&message).unwrap();
                    } else {
                        drop(producer.send(&message).unwrap());
                    }
                }
            });
        }
    });
    assert_eq!(producer.flush(Duration::MAX).added, 200);
    let numbers = recorded.messages().unwrap();
    let mut numbers: Vec<u32> = numbers
        .iter()
        .map(|message| message.get_str("number").unwrap().parse().unwrap())
        .collect();
    let of_first: Vec<_> = numbers.iter().copied().filter(|n| *n < 100).collect();
    assert_eq!(
        of_first,
        (0..50).collect::<Vec<_>>(),
        "in the order of their thread"
    );
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 400);
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn start_without_a_program() {
    assert!(PrivateServer::start_or_skip().is_none());
    let error = PrivateServer::start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::System);
    eprintln!("refused: {error}");
}

#[test]
fn machine_without_a_server_program_skips_and_says_what_to_do() {
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "test_util::tests::start_without_a_program",
            "--ignored",
            "--nocapture",
        ])
        .env_remove("STREAM_TEST_SERVER")
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    for begins in ["skipped: ", "refused: "] {
        let line = said.lines().find(|line| line.starts_with(begins));
        let line = line.unwrap_or_else(|| panic!("no line begins with `{begins}`: {said}"));
        for word in [
            "redis-server",
            "valkey-server",
            "STREAM_TEST_SERVER",
            "PATH",
        ] {
            assert!(line.contains(word), "{line}");
        }
    }
}

#[test]
#[ignore = "run by the test beside it, in a process of its own"]
fn owner_of_a_server() {
    let server = PrivateServer::start().unwrap();
    println!("\nurl {}", server.url());
    // Until this process is killed.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn killed_process_leaves_no_server_and_no_directory_behind() {
    let Found::Program(program) = find() else {
        return;
    };
    for path in ["", "/nowhere"] {
        let mut owner = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "test_util::tests::owner_of_a_server",
                "--ignored",
                "--nocapture",
            ])
            .env("STREAM_TEST_SERVER", &program)
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(owner.stdout.take().unwrap());
        let mut lines = output.lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("url redis+unix://").map(str::to_owned));
        owner.kill().unwrap();
        owner.wait().unwrap();
        let url = url.unwrap();
        let socket = Path::new(&url);
        let end = Instant::now() + Duration::from_secs(60);
        while UnixStream::connect(socket).is_ok() || socket.parent().unwrap().exists() {
            assert!(Instant::now() < end, "{} is still there", socket.display());
            thread::yield_now();
        }
    }
}
