//! Limits of real producers and consumers, and the distance to them.

use std::time::Duration;

use stream_lib::{BackupStreamConfig, ConsumerConfig, RawMessage, StreamManager};
use stream_tests::{Server, wait_until};

use crate::support::{letter, run, send};

const DEADLINE: Duration = Duration::from_secs(60);

/// Adds messages through a producer with room for one in the stream.
fn fill(manager: &StreamManager, stream: &str, bound: Option<u64>, messages: u64) {
    let mut config = BackupStreamConfig::new(stream).capacity(1);
    if let Some(most) = bound {
        config = config.max_backup_length(most);
    }
    let handle = manager.create_backup_producer(stream, config).unwrap();
    let producer = handle.typed::<RawMessage>();
    for number in 0..messages {
        producer
            .add(&RawMessage::new().with("n", number.to_string()))
            .unwrap();
    }
}

#[test]
fn a_backup_stream_that_is_nearly_full_is_found() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    for stream in ["full", "half", "unbounded"] {
        send(&server, &["XGROUP", "CREATE", stream, "g", "0", "MKSTREAM"]);
    }
    fill(&manager, "full", Some(10), 10);
    fill(&manager, "half", Some(10), 9);
    fill(&manager, "unbounded", None, 100);
    let found = || {
        let json = run(&server, "overview -o json").ended(0).json();
        let findings = json["findings"].as_array().unwrap().clone();
        findings
            .into_iter()
            .filter(|finding| finding["kind"] == "backup-nearly-full")
            .collect::<Vec<_>>()
    };
    // Producers store their limit with the stream in the background.
    wait_until(DEADLINE, "the finding", || !found().is_empty());
    let told = ["HEXISTS", "{half}:meta", "backup:name"];
    wait_until(DEADLINE, "the others", || server.command::<bool>(&told));
    let found = found();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["stream"], "full");
    let sentence = "The backup stream of full has 9 of at most 10 entries.";
    assert_eq!(found[0]["sentence"], sentence);
    let ran = run(&server, "stream info full").ended(0);
    assert!(ran.out.contains("9 of at most 10"), "{}", ran.out);
    let json = run(&server, "stream info half -o json").ended(0).json();
    assert_eq!(
        (&json["backup"], &json["backup_capacity"]),
        (&8.into(), &10.into())
    );
    let json = run(&server, "stream info unbounded -o json")
        .ended(0)
        .json();
    assert_eq!(
        (&json["backup"], &json["backup_capacity"]),
        (&99.into(), &serde_json::Value::Null)
    );
}

#[test]
fn dead_letters_near_the_bound_of_a_consumer_are_found() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = ConsumerConfig::new("orders").dead_letter_max_length(10);
    let consumer = manager.consume_fn::<RawMessage>("c", config, |_| Ok(()));
    let consumer = consumer.unwrap();
    let found = || {
        let json = run(&server, "overview -o json").ended(0).json();
        let findings = json["findings"].as_array().unwrap().clone();
        let mut kinds = findings
            .into_iter()
            .filter(|finding| finding["kind"] == "dead-letters-near-cap");
        kinds.next().map(|finding| finding["sentence"].clone())
    };
    for number in 0..8 {
        letter(&server, number, "permanent", "no", "1");
    }
    let bound = || {
        let json = run(&server, "stream info orders -o json").json();
        json["dead_capacity"].clone()
    };
    wait_until(DEADLINE, "the consumer's word", || bound() == 10);
    assert_eq!(found(), None);
    letter(&server, 8, "permanent", "no", "1");
    let sentence = "orders has 9 dead letters; 10 are kept.";
    assert_eq!(found(), Some(sentence.into()));
    drop(consumer);
}
