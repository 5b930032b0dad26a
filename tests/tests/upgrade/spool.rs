//! Spools of the first version.

use std::path::Path;

use stream_tests::wait_until;

use crate::field::Version::{New, Old};
use crate::field::{DEADLINE, Field, Version, names, tell};

fn spool(field: &Field, version: Version, dir: &Path, words: &str) -> String {
    let dir = dir.display();
    field.produce(
        version,
        &format!("--producer backup --max-length 1000 --spool-dir {dir} {words}"),
    )
}

#[test]
#[ignore = "builds the first version: make upgrade"]
fn spool_of_the_first_version_is_replayed_in_order_before_anything_newer() {
    let Some(field) = Field::open() else { return };
    let dir = field.path("spool");
    let said = spool(&field, Old, &dir, "--count 10 --prefix A");
    assert_eq!(said, "produced 10 main 0 backup 0 spooled");
    field.server.kill();
    let said = spool(&field, Old, &dir, "--count 20 --prefix B");
    assert_eq!(said, "produced 0 main 0 backup 20 spooled");
    field.server.restart();
    spool(&field, New, &dir, "--count 5 --prefix C");
    let expected: Vec<_> = names("A", 10)
        .chain(names("B", 20))
        .chain(names("C", 5))
        .collect();
    let stream = field.stream("orders");
    tell(format_args!(
        "spool of the old with 20 orders: {} of 35 in the stream, in order: {}",
        stream.len(),
        stream == expected
    ));
    assert_eq!(stream, expected);
}

/// The first version has sent a message, and never heard what became of it: it is in
/// Redis, and in the spool.
#[test]
#[ignore = "builds the first version: make upgrade"]
fn message_that_redis_has_from_the_first_version_is_not_added_again() {
    const COUNT: usize = 400;
    let Some(field) = Field::open() else { return };
    let dir = field.path("spool");
    let words = format!(
        "produce --producer backup --count {COUNT} --rate 200 --spool-dir {}",
        dir.display()
    );
    let producer = field.orders(Old, &words).spawn();
    let length = || field.ask::<usize>("XLEN orders");
    wait_until(DEADLINE, "some orders", || length() >= 50);
    field.server.freeze();
    let status = producer.wait(DEADLINE);
    field.server.thaw();
    assert!(status.success(), "{}", producer.stderr());
    let said = producer.stdout();
    let words: Vec<_> = said.split_whitespace().collect();
    let (main, spooled): (usize, usize) = (words[1].parse().unwrap(), words[5].parse().unwrap());
    assert_eq!(main + spooled, COUNT, "{said}");
    wait_until(DEADLINE, "the request that had no answer", || {
        length() == main + 1
    });
    let marks = |key: &str| -> usize {
        let mut fields: Vec<String> = field.ask(&format!("HKEYS {{orders}}:{key}"));
        fields.retain(|name| key == "spools" || name.starts_with("spool:"));
        fields.len()
    };
    assert_eq!(marks("meta"), 1, "where the first version keeps its mark");

    spool(&field, New, &dir, "--count 0");
    let (stream, left) = (field.stream("orders"), marks("meta") + marks("spools"));
    tell(format_args!(
        "spool of the old with {spooled} orders, 1 of them in Redis: {} of {COUNT} in the \
         stream, {left} marks left",
        stream.len()
    ));
    assert!(stream.into_iter().eq(names("P", COUNT)));
    assert_eq!(left, 0, "it has moved, and an orderly end has removed it");
}
