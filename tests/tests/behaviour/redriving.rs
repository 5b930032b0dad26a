//! A redriven message keeps its first id, its age, and the number of its redrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stream_lib::{
    BackupStreamConfig, DeadReason, Delivery, EntryId, HandlerError, HandlerResult, by_value,
};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Order, Seen, Shop, order, quick};

/// What one delivery said of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    id: EntryId,
    original_id: EntryId,
    attempt: u32,
    redrives: u32,
    age: Duration,
}

/// Refuses the first `refusals` deliveries for good, and notes all of them.
fn refusing(
    refusals: u32,
    seen: &Seen<Known>,
) -> impl Fn(&Delivery<Order>) -> HandlerResult + Send + Sync + 'static {
    let (left, seen) = (Arc::new(AtomicU32::new(refusals)), seen.clone());
    move |delivery| {
        seen.push(Known {
            id: delivery.id(),
            original_id: delivery.original_id(),
            attempt: delivery.attempt(),
            redrives: delivery.redrives(),
            age: delivery.age(),
        });
        let refuses = |left: u32| left.checked_sub(1);
        match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuses) {
            Ok(_) => Err(HandlerError::permanent("not yet").into()),
            Err(_) => Ok(()),
        }
    }
}

fn wait_for_dead(shop: &Shop, count: usize) {
    wait_until(DEADLINE, "the dead letters", || {
        shop.dead("orders").len() == count
    });
}

#[test]
fn message_keeps_its_first_id_and_age_and_counts_its_redrives() {
    let shop = Shop::open();
    let seen = Seen::default();
    let day = Duration::from_hours(24);
    let now: Vec<u64> = shop.ask("TIME");
    let added = format!("{}-7", now[0] * 1_000 - 86_400_000);
    shop.ask::<String>(&format!("XADD orders {added} order_id 1 amount 9.5"));
    let added: EntryId = added.parse().unwrap();
    let manager = &shop.manager;
    manager
        .consume("c", quick("orders"), refusing(2, &seen))
        .unwrap();
    let dead = manager.dead_letters("orders").unwrap();
    for redrives in 0..2 {
        wait_for_dead(&shop, 1);
        let letter = dead.list(1).unwrap().remove(0);
        assert_eq!((letter.original_id(), letter.redrives()), (added, redrives));
        assert_eq!(letter.known_reason(), Some(DeadReason::Permanent));
        assert_eq!(letter.entry_id(), seen.all()[redrives as usize].id);
        assert_eq!(dead.redrive_all().unwrap().redriven, 1);
    }
    seen.wait_for(3);
    let all = seen.all();
    for (redrives, known) in (0..).zip(&all) {
        assert_eq!((known.original_id, known.redrives), (added, redrives));
        assert!(known.age >= day, "{:?}", known.age);
        assert_eq!(known.attempt, 1);
    }
    assert_eq!(all[0].id, added);
    assert!(all[0].id < all[1].id && all[1].id < all[2].id, "{all:?}");
    // Each mark stands once.
    let entries: Vec<(String, Vec<(String, String)>)> = shop.ask("XREVRANGE orders + - COUNT 1");
    let marks = entries[0].1.iter().map(|(name, _)| name.as_str());
    let marks: Vec<_> = marks.filter(|name| name.starts_with('~')).collect();
    assert_eq!(marks, ["~origin", "~redriven", "~for"]);
}

#[test]
fn drained_message_is_known_by_its_first_id_after_a_redrive_too() {
    let shop = Shop::open();
    let seen = Seen::default();
    let config = BackupStreamConfig::new("orders").max_length(1);
    let manager = &shop.manager;
    manager.create_backup_producer("orders", config).unwrap();
    let producer = manager.producer::<Order>("orders").unwrap();
    let first = producer.add(&order("main")).unwrap().id().unwrap();
    let backed_up = producer.add(&order("backup")).unwrap().id().unwrap();
    manager
        .consume("c", quick("orders"), refusing(2, &seen))
        .unwrap();
    wait_for_dead(&shop, 2);
    let dead = manager.dead_letters("orders").unwrap();
    let letters = dead.list(2).unwrap();
    assert_eq!(letters[1].original_id(), backed_up);
    assert_ne!(letters[1].entry_id(), backed_up, "the drain moved it");
    assert_eq!(dead.redrive_all().unwrap().redriven, 2);
    seen.wait_for(4);
    let known = |redrives| {
        let all = seen.all().into_iter();
        let mut ids: Vec<_> = all
            .filter(|known| known.redrives == redrives)
            .map(|known| known.original_id)
            .collect();
        ids.sort();
        ids
    };
    let mut expected = [first, backed_up];
    expected.sort();
    assert_eq!((known(0), known(1)), (expected.to_vec(), expected.to_vec()));
}

#[test]
fn handler_takes_its_deliveries_by_value() {
    let shop = Shop::open();
    let seen = Seen::default();
    let moved = seen.clone();
    let handler = by_value(move |delivery: Delivery<Order>| {
        let attempt = delivery.attempt();
        moved.push((delivery.into_message(), attempt));
        match attempt {
            1 => Err("once more".into()),
            _ => Ok(()),
        }
    });
    let handler = Arc::new(handler);
    shop.manager.consume("c", quick("orders"), handler).unwrap();
    shop.add_by_hand("orders", 3);
    seen.wait_for(6);
    shop.wait_until_settled("orders");
    let all = seen.all();
    for n in 0..3 {
        let deliveries = all
            .iter()
            .filter(|(message, _)| *message == order(n.to_string()));
        let attempts: Vec<_> = deliveries.map(|(_, attempt)| *attempt).collect();
        assert_eq!(attempts, [1, 2]);
    }
}
