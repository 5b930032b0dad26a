//! Sensitive values are kept out of the errors of dead letters and out of the log.

use stream_lib::{
    BatchConfig, BatchDelivery, ConsumerConfig, Delivery, HandlerError, HandlerResult, RawMessage,
    RetryPolicy, StreamMessage,
};
use stream_tests::{LogCapture, wait_until};

use crate::support::{DEADLINE, Shop};

const CARD: &str = "4111-1111-1111";

#[derive(StreamMessage)]
#[stream(name = "cards")]
struct Card {
    id: String,
    #[stream(sensitive)]
    number: String,
    #[stream(sensitive)]
    limit: u32,
}

/// Each test has a stream of its own: all see the same log.
fn add(shop: &Shop, stream: &str, id: &str, number: &str, limit: &str) {
    shop.ask::<String>(&format!(
        "XADD {stream} * id {id} number {number} limit {limit}"
    ));
}

fn config(stream: &str) -> ConsumerConfig {
    ConsumerConfig::new(stream)
        .retry(RetryPolicy::exponential(std::time::Duration::from_millis(20)).max_deliveries(2))
}

/// Everything that the stream's dead letters say beside their bodies.
#[track_caller]
fn errors(shop: &Shop, stream: &str, count: usize) -> Vec<String> {
    let dead = shop.manager.dead_letters(stream).unwrap();
    wait_until(DEADLINE, format!("{count} dead letters"), || {
        dead.count().unwrap() == count as u64
    });
    let letters = dead.list(count).unwrap();
    letters
        .iter()
        .map(|letter| letter.error().to_owned())
        .collect()
}

#[test]
fn what_a_handler_says_is_stored_without_sensitive_values() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |card: &Delivery<Card>| -> HandlerResult {
        let text = format!(
            "card {} of {} refused, limit {}",
            card.number, card.id, card.limit
        );
        match card.id.as_str() {
            "panics" => panic!("{text}"),
            "retries" => Err(text.into()),
            _ => Err(HandlerError::permanent(text).into()),
        }
    };
    shop.manager
        .consume_fn::<Card>("c", config("cards-single"), handler)
        .unwrap();
    for id in ["fails", "panics", "retries"] {
        add(&shop, "cards-single", id, CARD, "99999");
    }
    // Not read as its type: the value is no number.
    add(&shop, "cards-single", "broken", CARD, "7654321x");
    let errors = errors(&shop, "cards-single", 4);
    let said = errors.join("\n");
    assert!(!said.contains("4111") && !said.contains("99999"), "{said}");
    assert!(!said.contains("7654321"), "{said}");
    assert!(
        said.contains("card •••• of fails refused, limit ••••"),
        "{said}"
    );
    assert!(
        said.contains("field `limit`: expected an integer from 0"),
        "{said}"
    );
    let lines = log.containing("cards-single");
    assert!(
        lines.iter().any(|line| line.text.contains("••••")),
        "{lines:?}"
    );
    for line in lines {
        let text = line.text;
        assert!(
            !text.contains("4111") && !text.contains("7654321"),
            "{text}"
        );
    }
    let body = shop
        .manager
        .dead_letters("cards-single")
        .unwrap()
        .list(1)
        .unwrap();
    assert_eq!(
        body[0].message().get_str("number"),
        Some(CARD),
        "the body is as it was"
    );
}

#[test]
fn what_a_batch_handler_says_of_all_is_stored_without_sensitive_values_of_any() {
    let shop = Shop::open();
    let log = LogCapture::start();
    let handler = |cards: &[BatchDelivery<Card>]| -> HandlerResult {
        let numbers: Vec<_> = cards.iter().map(|card| card.number.as_str()).collect();
        let text = format!("refused: {}", numbers.join(" "));
        assert!(!cards.iter().any(|card| card.id == "panics"), "{text}");
        Err(HandlerError::permanent(text).into())
    };
    for number in 0..6 {
        add(
            &shop,
            "cards-batch",
            "fails",
            &format!("{CARD}-{number}"),
            "1",
        );
    }
    let batch = BatchConfig::new(10);
    shop.manager
        .consume_batches_fn::<Card>("c", config("cards-batch"), batch, handler)
        .unwrap();
    let said = errors(&shop, "cards-batch", 6).join("\n");
    assert!(
        !said.contains("4111") && said.contains("refused: ••••"),
        "{said}"
    );
    for id in ["panics", "fails"] {
        add(&shop, "cards-batch", id, CARD, "1");
    }
    let said = errors(&shop, "cards-batch", 8).join("\n");
    assert!(!said.contains("4111"), "{said}");
    for line in log.containing("cards-batch") {
        assert!(!line.text.contains("4111"), "{}", line.text);
    }
}

#[test]
fn types_without_sensitive_fields_are_quoted_as_before() {
    let shop = Shop::open();
    let handler = |card: &Delivery<RawMessage>| -> HandlerResult {
        Err(HandlerError::permanent(format!(
            "card {}",
            card.get_str("number").unwrap_or_default()
        ))
        .into())
    };
    shop.manager
        .consume_fn::<RawMessage>("c", config("cards-plain"), handler)
        .unwrap();
    add(&shop, "cards-plain", "1", CARD, "1");
    assert!(errors(&shop, "cards-plain", 1)[0].contains(CARD));
}
