//! `orders` on a stream with partitions.

use serde_json::{Value, json};
use stream_tests::Server;

use crate::DEADLINE;
use crate::support::{entries, field, last_line, orders, run, status};

/// The partition of 4 for each customer of 8: `zlib.crc32(b"…") % 4`.
const OF_CUSTOMER: [usize; 8] = [1, 3, 1, 3, 0, 2, 0, 2];

#[test]
fn orders_of_a_customer_are_in_one_partition_in_their_order() {
    let server = Server::start().unwrap();
    let args = "produce --count 200 --batch 16 --partitions 4 --keys 8";
    let finished = run(&server, args);
    assert_eq!(last_line(&finished), "produced 200 main 0 backup 0 spooled");
    let mut count = 0;
    for partition in 0..4 {
        let entries = entries(&server, &format!("{{orders:{partition}}}"));
        count += entries.len();
        for (customer, own) in OF_CUSTOMER.into_iter().enumerate() {
            let of_customer = entries
                .iter()
                .filter(|entry| field(entry, "user_id") == customer.to_string())
                .map(|entry| field(entry, "order_id")[2..].parse::<u64>().unwrap());
            let numbers: Vec<_> = of_customer.collect();
            let is_here = own == partition;
            assert_eq!(numbers.len(), if is_here { 25 } else { 0 }, "{customer}");
            assert!(numbers.is_sorted(), "{numbers:?}");
        }
    }
    assert_eq!(count, 200);
    let status = status(&server);
    assert_eq!(
        (&status["length"], &status["partitions"]),
        (&json!(200), &json!(4))
    );

    // One by one, by a producer of another kind that doesn't say how many there are.
    let finished = run(
        &server,
        "produce --count 8 --producer backup --keys 8 --prefix Q",
    );
    assert_eq!(last_line(&finished), "produced 8 main 0 backup 0 spooled");
    for (customer, partition) in OF_CUSTOMER.into_iter().enumerate() {
        let entries = entries(&server, &format!("{{orders:{partition}}}"));
        let id = format!("Q-{customer}");
        assert!(entries.iter().any(|e| field(e, "order_id") == id), "{id}");
    }
}

#[test]
fn orders_without_customers_are_spread_evenly() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 64 --partitions 16");
    for partition in 0..16 {
        let entries = entries(&server, &format!("{{orders:{partition}}}"));
        assert_eq!(entries.len(), 4, "{partition}");
    }
}

#[test]
fn another_number_of_partitions_fails_every_order() {
    let server = Server::start().unwrap();
    run(&server, "produce --count 1 --partitions 2");
    let finished = orders(&server, "produce --count 3 --partitions 4").run(DEADLINE);
    assert_eq!(finished.status.code(), Some(1));
    let refused = finished
        .stderr
        .matches("`partitions` is 4, but `orders` has 2");
    assert_eq!(refused.count(), 3, "{}", finished.stderr);
    assert_eq!(last_line(&finished), "produced 0 main 0 backup 0 spooled");
    let listed: Vec<Value> = run(&server, "dead list")
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(listed.is_empty());
}
