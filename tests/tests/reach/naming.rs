//! Errors name the server that answered.

use std::time::Duration;

use stream_lib::{ErrorKind, RawMessage, StreamConfig, StreamManager};
use stream_tests::Server;

#[test]
fn errors_name_the_server_that_answered() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let config = |stream: &str| StreamConfig::new(stream).send_timeout(Duration::from_millis(300));
    let orders = manager
        .create_simple_producer("orders", config("orders"))
        .unwrap();
    let other = manager
        .create_simple_producer("other", config("other"))
        .unwrap();
    let (orders, other) = (orders.typed::<RawMessage>(), other.typed::<RawMessage>());
    server.command::<()>(&["SET", "orders", "no stream"]);
    let order = RawMessage::new().with("n", "1");
    let answered = format!("Redis at {} answered: ", server.address());

    let mut errors = vec![
        orders.add(&order).unwrap_err(),
        orders.add_with_key(&order, "k").unwrap_err(),
        orders.send(&order).unwrap().wait().unwrap_err(),
        manager.stream_stats("orders").unwrap_err(),
    ];
    errors.extend(
        orders
            .add_all([&order, &order])
            .into_iter()
            .map(Result::unwrap_err),
    );
    for error in &errors {
        assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    }
    // What goes again until its time is over.
    server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = other.add(&order).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    errors.push(error);
    for error in errors {
        assert_eq!(error.to_string().matches(&answered).count(), 1, "{error}");
    }
}
