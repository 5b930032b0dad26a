//! Messages without a type: names and values, as they are in the stream.
//!
//! For streams whose fields are not known in advance, and for a first look at the entries
//! of other programs.

use std::str;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use stream_lib::{ConsumerConfig, Delivery, HandlerError, HandlerResult, RawMessage, StreamConfig};

fn main() -> anyhow::Result<()> {
    stream_examples::log_to_stderr();
    let (_server, manager) = stream_examples::connect()?;

    manager.create_simple_producer("my_producer", StreamConfig::new("my_stream"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let login = RawMessage::new()
        .with("user_id", "123")
        .with("action", "login")
        .with("time", now.to_string());
    let added = manager.add_to("my_producer", &login)?;
    if let Some(id) = added.id() {
        println!("added {id}");
    }
    // Values are bytes: any will do.
    let avatar = RawMessage::new()
        .with("user_id", "123")
        .with("action", "avatar")
        .with("picture", [0x89, b'P', b'N', b'G', 0xff]);
    manager.add_to("my_producer", &avatar)?;

    let config = ConsumerConfig::new("my_stream")
        .group("my_group")
        .consumer("worker_1")
        .workers(1)
        .read_count(50)
        .block_duration(Duration::from_secs(5));
    let (tell, handled) = channel();
    manager.create_consumer(
        "my_consumer",
        config,
        move |message: &Delivery<RawMessage>| {
            print(message)?;
            tell.send(())?;
            Ok(())
        },
    )?;
    manager.start_consumer("my_consumer")?;
    for _ in 0..2 {
        handled
            .recv_timeout(Duration::from_secs(10))
            .context("a message was not handled")?;
    }
    println!("handled {}", manager.shutdown().completed);
    Ok(())
}

fn print(message: &Delivery<RawMessage>) -> HandlerResult {
    let Some(user) = message.get_str("user_id") else {
        // A retry would not help: straight to the dead letters.
        return Err(HandlerError::permanent("no user_id").into());
    };
    println!("{}: user {user}", message.id());
    for (name, value) in message.iter() {
        let name = String::from_utf8_lossy(name);
        match str::from_utf8(value) {
            Ok(text) => println!("  {name}: {text}"),
            Err(_) => println!("  {name}: {} bytes", value.len()),
        }
    }
    Ok(())
}
