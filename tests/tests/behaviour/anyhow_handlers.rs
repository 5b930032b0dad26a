//! Handlers that work with the crate `anyhow`, as the docs of `HandlerResult` show.

use anyhow::{Context, ensure};
use stream_lib::{DeadReason, Delivery, HandlerError};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Shop, quick};

fn process(order: &Delivery<Order>) -> anyhow::Result<()> {
    if order.order_id == "1" {
        let refused = Err(HandlerError::permanent("no such user"));
        return refused.context("charging the card");
    }
    ensure!(order.attempt() > 1, "not yet");
    Ok(())
}

#[test]
fn anyhow_result_is_a_handlers_in_one_line() {
    let shop = Shop::open();
    let consumer = shop
        .manager
        .consume_fn::<Order>("c", quick("orders"), |order| Ok(process(order)?))
        .unwrap();
    shop.add_by_hand("orders", 2);
    wait_until(DEADLINE, "both to be over", || {
        let stats = consumer.stats();
        (stats.completed, stats.failed, stats.dead) == (1, 1, 1)
    });
    let letters = shop.manager.dead_letters("orders").unwrap();
    let letter = letters.list(1).unwrap().remove(0);
    assert_eq!(letter.reason().to_string(), DeadReason::Permanent.as_str());
    assert_eq!(letter.error(), "charging the card: no such user");
}
