//! Tracks the actions of users: one manager for the whole process, a producer that any
//! code may use, and a consumer whose handler has state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use parking_lot::Mutex;
use stream_lib::{
    ConsumerConfig, Delivery, Handler, HandlerResult, StreamConfig, StreamManager, StreamMessage,
};

/// An action of a user, as an entry of the stream.
#[derive(StreamMessage)]
#[stream(name = "user_events")]
struct UserEvent {
    user_id: u64,
    action: String,
    timestamp: u64,
    ip: String,
}

/// Counts the actions of each user.
struct UserEventHandler {
    actions: Mutex<BTreeMap<u64, u64>>,
    tell: Sender<()>,
}

impl Handler<UserEvent> for UserEventHandler {
    fn handle(&self, event: &Delivery<UserEvent>) -> HandlerResult {
        println!(
            "user {} did {} at {} from {}",
            event.user_id, event.action, event.timestamp, event.ip
        );
        *self.actions.lock().entry(event.user_id).or_default() += 1;
        self.tell.send(())?;
        // Ok acknowledges the entry; an error has it delivered again.
        Ok(())
    }
}

/// Once, at the start of the program.
fn init_tracking(handler: Arc<UserEventHandler>) -> anyhow::Result<()> {
    let manager = StreamManager::global().context("no manager yet")?;
    manager.create_simple_producer("user_tracking", StreamConfig::new("user_events"))?;
    manager.consume(
        "tracking_consumer",
        ConsumerConfig::new("user_events"),
        handler,
    )?;
    Ok(())
}

/// Anywhere in the program, from any thread.
fn track_user_action(user_id: u64, action: &str) -> anyhow::Result<()> {
    let manager = StreamManager::global().context("no manager yet")?;
    let event = UserEvent {
        user_id,
        action: action.to_owned(),
        timestamp: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        ip: "192.168.1.1".to_owned(),
    };
    manager.add_to("user_tracking", &event)?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    stream_examples::log_to_stderr();
    let (_server, manager) = stream_examples::connect()?;
    let manager = StreamManager::init_global(manager)?;
    let (tell, told) = channel();
    let handler = Arc::new(UserEventHandler {
        actions: Mutex::default(),
        tell,
    });
    init_tracking(Arc::clone(&handler))?;
    println!("producers: {:?}", manager.list_producers());
    println!("consumers: {:?}", manager.list_consumers());

    let actions = ["login", "view", "buy", "view", "logout"];
    for action in actions {
        track_user_action(7, action)?;
    }
    track_user_action(8, "login")?;
    for _ in 0..=actions.len() {
        told.recv_timeout(Duration::from_secs(10))
            .context("an event was not handled")?;
    }

    let running = manager.consumer("tracking_consumer")?.is_running();
    println!("tracking_consumer is running: {running}");
    let report = manager.stop_consumer("tracking_consumer")?;
    println!("handled {}", report.completed);
    for (user, count) in handler.actions.lock().iter() {
        println!("user {user}: {count} actions");
    }
    // A manager that is not global does this when it is dropped.
    manager.shutdown();
    Ok(())
}
