//! Numbers that JSON doesn't have are refused before they reach Redis.

use std::collections::BTreeMap;

use stream_lib::{ErrorKind, StreamMessage};

use crate::support::Shop;

#[derive(StreamMessage, Debug, Default)]
#[stream(name = "prices")]
struct Prices {
    item: u32,
    #[stream(json)]
    best: Option<f64>,
    #[stream(json, default)]
    narrow: f32,
    #[stream(json)]
    all: BTreeMap<String, Vec<Option<f64>>>,
}

#[test]
fn message_with_a_number_that_json_cannot_say_is_an_error_of_the_add() {
    let shop = Shop::open();
    let all = |price| BTreeMap::from([("a".to_owned(), vec![None, Some(price)])]);
    let refused = [
        Prices {
            best: Some(f64::NAN),
            ..Prices::default()
        },
        Prices {
            narrow: f32::INFINITY,
            ..Prices::default()
        },
        Prices {
            all: all(f64::NEG_INFINITY),
            ..Prices::default()
        },
    ];
    for prices in &refused {
        let error = shop.manager.add(prices).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
        assert!(shop.manager.send(prices).is_err());
    }
    let results = shop.manager.add_all(&refused).unwrap();
    assert!(results.iter().all(Result::is_err));
    assert_eq!(shop.ask::<usize>("XLEN prices"), 0);
    let fine = Prices {
        all: all(1.5),
        ..Prices::default()
    };
    shop.manager.add(&fine).unwrap();
    assert_eq!(shop.ask::<usize>("XLEN prices"), 1);
}
