//! Servers without some command.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, Producer, RawMessage, RetryPolicy, StreamConfig,
    StreamManager,
};
use stream_tests::{Server, wait_until};
use tempfile::TempDir;

use crate::support::{DEADLINE, Order, Seen, ask, noting, order, quick};

/// Everything that runs a script works.
fn use_scripts(server: &Server, manager: &StreamManager) {
    let dir = TempDir::new().unwrap();
    let message = || RawMessage::new().with("n", "1");
    let config = BackupStreamConfig::from(StreamConfig::new("routed").max_length(5));
    manager
        .create_backup_producer("routed", config.clone())
        .unwrap();
    let config = BackupStreamConfig::new("spooled").spool_dir(dir.path());
    manager.create_backup_producer("spooled", config).unwrap();
    for name in ["routed", "spooled"] {
        let producer: Producer<RawMessage> = manager.producer(name).unwrap();
        assert!(matches!(producer.add(&message()), Ok(Added::Main(_))));
        let added = producer.add_all(&vec![message(); 30]);
        assert!(added.iter().all(Result::is_ok), "{added:?}");
        let added = producer.add_with_key(&message(), "k").unwrap();
        assert!(
            producer
                .add_with_key(&message(), "k")
                .unwrap()
                .is_duplicate(),
            "{added:?}"
        );
    }
    let seen = Seen::default();
    let noted = seen.clone();
    let config = quick("orders").retry(RetryPolicy::list([Duration::from_millis(10)]));
    let consumer = manager
        .consume_fn::<Order>("c", config, move |delivery| {
            noted.push((delivery.order_id.clone(), delivery.attempt()));
            match delivery.order_id.as_str() {
                "good" => Ok(()),
                _ => Err("never")?,
            }
        })
        .unwrap();
    manager.add(&order("good")).unwrap();
    manager.add(&order("bad")).unwrap();
    // Parked, claimed when due, buried.
    seen.wait_for(3);
    wait_until(DEADLINE, "the burial", || consumer.stats().dead == 1);
    let dead = manager.dead_letters("orders").unwrap();
    assert_eq!(dead.remove_all().unwrap().removed, 1);
    manager.cleanup_now("orders").unwrap();
    consumer.stop();
    let members: Vec<redis::Value> = ask(server, "XINFO CONSUMERS orders orders_group");
    assert!(
        members.len() <= 1,
        "only `~waiting` may be left: {members:?}"
    );
}

#[test]
fn scripts_run_where_they_can_not_be_loaded() {
    let server = Server::options().without_command("SCRIPT").start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    use_scripts(&server, &manager);
    // Mostly by their digests all the same.
    assert!(server.calls("eval") < server.calls("evalsha"));
}

#[test]
fn scripts_run_where_the_user_may_not_load_them() {
    let server = Server::options()
        .user("clerk on >secret ~* &* +@all -script")
        .start()
        .unwrap();
    let url = server.url().replace("redis://", "redis://clerk:secret@");
    let manager = StreamManager::connect(url).unwrap();
    use_scripts(&server, &manager);
}

#[test]
fn scripts_run_where_digests_are_not_known() {
    let server = Server::options()
        .without_command("EVALSHA")
        .start()
        .unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    use_scripts(&server, &manager);
}

#[test]
fn a_missing_command_is_named_at_the_start() {
    for command in ["XCLAIM", "XPENDING", "ZADD", "XACK"] {
        let server = Server::options().without_command(command).start().unwrap();
        let manager = StreamManager::connect(server.url()).unwrap();
        let seen = Seen::default();
        let started = manager.consume("c", quick("orders"), noting(&seen));
        let error = started.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert!(error.to_string().contains(command), "{error}");
    }
}
