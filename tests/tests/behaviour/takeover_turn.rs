//! The order in which a takeover visits dead holders.

use stream_tests::wait_until;

use crate::support::{DEADLINE, HOUR, Seen, Shop, noting, quick, read_and_die};

/// Those that run alone wait for nothing but a takeover, so that they come in each
/// pass, however many others hold something.
#[test]
fn entries_left_to_the_takeover_come_in_its_first_pass_among_many_dead() {
    const DEAD: usize = 100;
    let shop = Shop::open();
    shop.add_by_hand("orders", DEAD + 1);
    shop.ask::<()>("XGROUP CREATE orders orders_group 0");
    // Too fresh to be taken: other programs may work on them.
    for number in 0..DEAD {
        read_and_die(&shop.server, &format!("other-{number}"), 1);
    }
    read_and_die(&shop.server, "~takeover", 1);
    let id = shop.pending("orders")[DEAD].id.clone();
    let long_ago = format!("XCLAIM orders orders_group ~takeover 0 {id} TIME 1 JUSTID");
    shop.ask::<redis::Value>(&long_ago);
    let seen = Seen::default();
    // The second pass would come after minutes.
    let config = quick("orders").lease(HOUR);
    let consumer = shop.manager.consume("c", config, noting(&seen)).unwrap();
    wait_until(DEADLINE, "the one that was left to be done", || {
        consumer.stats().completed == 1
    });
    assert_eq!(seen.all(), [(DEAD.to_string(), 2)]);
    assert_eq!(shop.pending("orders").len(), DEAD);
}
