//! Hooks that use the consumer that calls them.

use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use stream_lib::{ConsumerEvents, StreamManager, events};
use stream_tests::wait_until;

use crate::support::{DEADLINE, Seen, Shop, noting, quick, threads};

/// Asks for everything there is to know, at every call.
struct Curious {
    manager: Arc<OnceLock<Weak<StreamManager>>>,
    told: Seen<&'static str>,
}

impl Curious {
    fn ask(&self, why: &'static str) {
        let manager = self.manager.get().and_then(Weak::upgrade).unwrap();
        let consumer = manager.consumer("c").unwrap();
        let _ = (consumer.is_running(), consumer.name(), consumer.stats());
        let failed = consumer.failure().is_some();
        assert_eq!(failed, why == "stopped");
        self.told.push(why);
    }
}

impl ConsumerEvents for Curious {
    fn connected(&self, _: &events::Connected<'_>) {
        self.ask("connected");
    }

    fn stopped(&self, _: &events::Stopped<'_>) {
        self.ask("stopped");
    }
}

#[test]
fn hook_may_ask_the_consumer_that_called_it() {
    let Shop { manager, server } = Shop::open();
    let manager = Arc::new(manager);
    let known = Arc::new(OnceLock::new());
    known.set(Arc::downgrade(&manager)).unwrap();
    let told = Seen::default();
    let events = Curious {
        manager: known,
        told: told.clone(),
    };
    let seen = Seen::default();
    manager
        .create_consumer("c", quick("orders").events(events), noting(&seen))
        .unwrap();
    let start = {
        let manager = Arc::clone(&manager);
        // Not scoped: it would hang where the hook does.
        thread::Builder::new().spawn(move || manager.start_consumer("c").unwrap())
    };
    let start = start.unwrap();
    wait_until(DEADLINE, "the start", || start.is_finished());
    assert_eq!(told.all(), ["connected"]);
    server.command::<()>(&["SET", "orders", "no stream any more"]);
    wait_until(DEADLINE, "the end", || told.count() == 2);
    assert_eq!(told.all(), ["connected", "stopped"]);
}

#[test]
fn consumer_that_starts_during_a_shutdown_does_not_stay() {
    let server = stream_tests::Server::start().unwrap();
    for _ in 0..20 {
        let manager = StreamManager::connect(server.url()).unwrap();
        let seen = Seen::default();
        manager
            .create_consumer("c", quick("late"), noting(&seen))
            .unwrap();
        thread::scope(|scope| {
            let start = scope.spawn(|| manager.start_consumer("c").is_ok());
            scope.spawn(|| manager.shutdown());
            let _ = start.join();
        });
        assert!(!manager.consumer("c").unwrap().is_running());
        wait_until(DEADLINE, "its threads to end", || {
            threads("late").is_empty()
        });
    }
}
