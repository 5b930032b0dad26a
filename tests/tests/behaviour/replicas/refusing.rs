//! Servers that refuse `WAIT`.

use stream_lib::{BackupStreamConfig, Error, ErrorKind, Producer, RawMessage, StreamManager};
use stream_tests::Server;
use tempfile::TempDir;

use super::{Fleet, PATIENT, assert_main, lack, message, replica_of, server, wanting};
use crate::support::ask;

/// The error of the first add of each kind of producer.
fn first_errors(server: &Server, url: &str) -> Vec<Error> {
    let dir = TempDir::new().unwrap();
    let manager = StreamManager::connect(url).unwrap();
    let config = || wanting("orders", 1, PATIENT);
    let simple = manager.create_simple_producer("simple", config()).unwrap();
    let backup = BackupStreamConfig::from(config());
    let routed = manager
        .create_backup_producer("routed", backup.clone())
        .unwrap();
    let backup = backup.spool_dir(dir.path());
    let spooled = manager.create_backup_producer("spooled", backup).unwrap();
    let mut errors = Vec::new();
    for handle in [simple, routed, spooled] {
        let producer: Producer<RawMessage> = handle.typed();
        errors.extend(producer.add(&message(0)).err());
        errors.extend(producer.add_with_key(&message(0), "k").err());
        errors.extend(producer.add_all(&[message(0)]).remove(0).err());
        errors.extend(producer.send(&message(0)).unwrap().wait().err());
    }
    assert_eq!(errors.len(), 3 * 4);
    assert_eq!(ask::<u64>(server, "EXISTS orders {orders}:backup"), 0);
    errors
}

#[test]
fn a_missing_permission_is_named_before_anything_is_written() {
    let options = Server::options().user("clerk on >secret ~* &* +@all -wait");
    let server = options.start().unwrap();
    let url = format!("redis://clerk:secret@127.0.0.1:{}", server.port());
    for error in first_errors(&server, &url) {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        for words in ["`orders`", "`+wait`", "`replicas`", "nothing was written"] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[test]
fn a_server_without_the_command_is_told_of() {
    let server = Server::options().without_command("WAIT").start().unwrap();
    for error in first_errors(&server, &server.url()) {
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        for words in ["`orders`", "`WAIT`", "`replicas`", "nothing was written"] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[test]
fn a_permission_that_is_withdrawn_later_leaves_messages_written() {
    let fleet = Fleet::of(1);
    fleet.master.command::<()>(&[
        "ACL", "SETUSER", "clerk", "on", ">secret", "~*", "&*", "+@all",
    ]);
    let url = format!("redis://clerk:secret@127.0.0.1:{}", fleet.master.port());
    let manager = StreamManager::connect(url).unwrap();
    let producer: Producer<RawMessage> = manager
        .create_simple_producer("p", wanting("orders", 1, PATIENT))
        .unwrap()
        .typed();
    assert_main(producer.add(&message(0)));
    fleet
        .master
        .command::<()>(&["ACL", "SETUSER", "clerk", "-wait"]);
    for n in 1..3 {
        let error = producer.add(&message(n)).unwrap_err();
        assert!(error.to_string().contains("NOPERM"), "{error}");
        assert_eq!(lack(Err(error)).confirmed, None);
    }
    assert_eq!(fleet.length("orders"), 3);
    fleet
        .master
        .command::<()>(&["ACL", "SETUSER", "clerk", "+wait"]);
    assert_main(producer.add(&message(3)));
}

#[test]
fn a_replica_that_takes_writes_can_not_confirm_them() {
    let master = server();
    let replica = replica_of(&master);
    ask::<()>(&replica, "CONFIG SET replica-read-only no");
    let manager = StreamManager::connect(replica.url()).unwrap();
    let producer: Producer<RawMessage> = manager
        .create_simple_producer("p", wanting("orders", 1, PATIENT))
        .unwrap()
        .typed();
    let error = producer.add(&message(0)).unwrap_err();
    assert!(error.to_string().contains("replica instances"), "{error}");
    assert_eq!(lack(Err(error)).confirmed, None);
}
