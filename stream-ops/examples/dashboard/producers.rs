//! Adds messages, at a steady pace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stream_lib::{RawMessage, StreamConfig, StreamManager};

use crate::Failure;
use crate::fault::Fault;
use crate::messages::{Currency, DEADLY, Mail, Order, View};

/// The time between two orders, and how many views come with each.
const PACE: Duration = Duration::from_millis(33);
const VIEWS: u64 = 5;

/// The number of the order that kills; every n-th order can't be decoded.
const DEADLY_AT: u64 = 300;
const UNREADABLE_EACH: u64 = 20;

pub(crate) fn run(manager: &StreamManager, fault: Fault, stop: &AtomicBool) -> Result<(), Failure> {
    for (name, stream) in [
        ("orders", "orders"),
        ("emails", "emails"),
        ("tracking", "tracking"),
        ("stock", "{shop}:stock"),
    ] {
        manager.create_simple_producer(name, StreamConfig::new(stream).max_length(100_000))?;
    }
    let mut next = Instant::now();
    for number in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let poisoned = fault == Fault::Poison && number % UNREADABLE_EACH == UNREADABLE_EACH - 1;
        if poisoned {
            manager.add_to("orders", &unreadable(number))?;
        } else {
            let is_deadly = fault == Fault::Crash && number == DEADLY_AT;
            manager.add_to("orders", &order(number, is_deadly))?;
        }
        if number.is_multiple_of(3) {
            let template = "order-received".to_owned();
            manager.add_to("emails", &Mail { template, number })?;
        }
        for visitor in 0..VIEWS {
            let path = format!("/articles/{}", number % 50);
            manager.add_to("tracking", &View { path, visitor })?;
        }
        if number.is_multiple_of(30) {
            let stock = RawMessage::new()
                .with("article", "A-7")
                .with("left", (number % 90).to_string());
            manager.add_to("stock", &stock)?;
        }
        next += PACE;
        while !stop.load(Ordering::SeqCst) && Instant::now() < next {
            thread::park_timeout(next.saturating_duration_since(Instant::now()));
        }
    }
    Ok(())
}

fn order(number: u64, is_deadly: bool) -> Order {
    Order {
        order_id: format!("ORD-{number}"),
        amount: 12.5,
        copies: if is_deadly {
            DEADLY
        } else {
            u32::try_from(number % 40 + 1).unwrap_or(1)
        },
        currency: if number.is_multiple_of(4) {
            Currency::Usd
        } else {
            Currency::Eur
        },
        customer_email: format!("customer-{number}@example.com"),
        note: number
            .is_multiple_of(7)
            .then(|| "leave it at the door".to_owned()),
    }
}

/// An order as another program might write it: with a decimal comma.
fn unreadable(number: u64) -> RawMessage {
    RawMessage::new()
        .with("order_id", format!("ORD-{number}"))
        .with("amount", "12,50")
        .with("copies", "1")
        .with("currency", "EUR")
        .with("customer_email", format!("customer-{number}@example.com"))
}
