//! Idempotency keys that a message has itself.

use stream_lib::StreamMessage;

use crate::support::{Pairs, Shop};

#[derive(StreamMessage)]
struct Refund {
    #[stream(idempotency_key)]
    payment_id: String,
}

#[derive(StreamMessage)]
#[stream(name = "money", tag = "kind", rename_all = "lowercase")]
enum Money {
    Payment {
        #[stream(idempotency_key)]
        payment_id: String,
    },
    Refund(Refund),
}

#[test]
fn variants_of_one_id_are_two_messages_and_each_is_added_once() {
    let shop = Shop::open();
    let payment = Money::Payment {
        payment_id: "P-1".to_owned(),
    };
    let refund = Money::Refund(Refund {
        payment_id: "P-1".to_owned(),
    });
    let ids: Vec<_> = [&payment, &refund, &payment, &refund]
        .map(|message| shop.manager.add(message).unwrap().id())
        .into();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[..2], ids[2..]);

    let entries: Vec<(String, Pairs)> = shop.ask("XRANGE money - +");
    let kinds: Vec<_> = entries.iter().map(|(_, fields)| &fields[0].1).collect();
    assert_eq!(kinds, [b"payment", b"refund".as_slice()]);
}
