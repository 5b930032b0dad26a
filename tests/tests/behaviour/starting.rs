//! Where a group begins, and what a start waits for.

use std::time::{Duration, SystemTime};

use stream_lib::StartFrom;

use crate::support::{Seen, Shop, noting, quick};

#[test]
fn group_begins_at_a_time() {
    let shop = Shop::open();
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for (id, order) in [
        ("999-7", "before"),
        ("1000-0", "at"),
        ("1000-5", "in"),
        ("1001-0", "after"),
    ] {
        shop.ask::<String>(&format!("XADD orders {id} order_id {order} amount 1"));
    }
    let all = ["before", "at", "in", "after"];
    let starts = [
        ("then", second, &all[1..]),
        ("within", second + Duration::from_micros(900), &all[1..]),
        ("later", second + Duration::from_millis(1), &all[3..]),
        ("old", SystemTime::UNIX_EPOCH - Duration::from_secs(1), &all),
        ("now", SystemTime::now() - Duration::from_secs(3_600), &[]),
    ];
    let seen = starts.map(|(group, time, _)| {
        let seen = Seen::default();
        let config = quick("orders")
            .workers(1)
            .group(group)
            .start_from(StartFrom::Time(time));
        shop.manager.consume(group, config, noting(&seen)).unwrap();
        seen
    });
    shop.ask::<String>("XADD orders * order_id new amount 1");
    for ((group, _, expected), seen) in starts.into_iter().zip(seen) {
        seen.wait_for(expected.len() + 1);
        let ids: Vec<_> = seen.all().into_iter().map(|(id, _)| id).collect();
        let expected: Vec<_> = expected.iter().copied().chain(["new"]).collect();
        assert_eq!(ids, expected, "the group `{group}`");
    }
}
