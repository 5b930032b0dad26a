//! Clusters and sentinels.

use stream_lib::{RawMessage, StreamConfig, StreamManager};
use stream_tests::{Cluster, Sentinels};

use crate::support::bare;

fn run(url: &str, words: &str) -> String {
    let output = bare()
        .arg("--url")
        .arg(url)
        .args(words.split_whitespace())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words}: {text}{err}");
    text
}

fn add(url: &str, stream: StreamConfig, messages: u64) {
    let manager = StreamManager::connect(url).unwrap();
    manager.create_simple_producer("p", stream).unwrap();
    let producer = manager.producer::<RawMessage>("p").unwrap();
    for n in 0..messages {
        producer
            .add(&RawMessage::new().with("n", n.to_string()))
            .unwrap();
    }
}

#[test]
fn streams_of_all_nodes_of_a_cluster_are_found_and_partitions_are_summed_up() {
    let cluster = Cluster::start().unwrap();
    let url = cluster.url();
    for stream in ["a", "b", "c", "d"] {
        add(&url, StreamConfig::new(stream), 3);
    }
    add(&url, StreamConfig::new("orders").partitions(4), 40);
    let text = run(&url, "stream ls -o json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut names: Vec<_> = json["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                s["stream"].as_str().unwrap().to_owned(),
                s["length"].as_u64().unwrap(),
            )
        })
        .collect();
    names.sort();
    let expected = [("a", 3), ("b", 3), ("c", 3), ("d", 3), ("orders", 40)];
    assert_eq!(
        names,
        expected.map(|(name, length)| (name.to_owned(), length))
    );
    let text = run(&url, "stream info orders --partitions -o json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["partitions"], 4);
    let each = json["each_partition"].as_array().unwrap().iter();
    assert_eq!(each.map(|p| p["length"].as_u64().unwrap()).sum::<u64>(), 40);
    run(&url, "group create orders g --yes");
    let text = run(&url, "group info orders g -o json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["unread"], 40);
    run(&url, "doctor");
    let text = run(&url, "overview -o json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["servers"].as_array().unwrap().len(), 3);
}

#[test]
fn the_master_of_sentinels_is_looked_at() {
    let sentinels = Sentinels::start().unwrap();
    let url = sentinels.url();
    add(&url, StreamConfig::new("orders"), 5);
    let text = run(&url, "stream info orders -o json");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["length"], 5);
    let text = run(&url, "doctor");
    assert!(text.contains("○ role                   master"), "{text}");
}
