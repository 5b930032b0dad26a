//! Each kind of add, while the replica is frozen and when it is back.

use std::time::Duration;

use stream_lib::{
    Added, BackupStreamConfig, ErrorKind, NotReplicated, Producer, RawMessage, Receipt,
};
use stream_tests::wait_until;

use super::{Fleet, PATIENT, SHORT, assert_main, lack, message, replica_of, wanting};
use crate::support::DEADLINE;

#[test]
fn one_add_says_what_the_replica_has() {
    let mut fleet = Fleet::of(1);
    let manager = fleet.connect();
    let patient = manager
        .create_simple_producer("patient", wanting("orders", 1, PATIENT))
        .unwrap()
        .typed::<RawMessage>();
    let short = manager
        .create_simple_producer("short", wanting("orders", 1, SHORT))
        .unwrap()
        .typed::<RawMessage>();
    assert_main(patient.add(&message(0)));
    fleet.freeze();
    let found = lack(short.add(&message(1)));
    assert_eq!((found.confirmed, found.wanted), (Some(0), 1));
    assert!(matches!(found.added, Added::Main(_)));
    let ids = fleet.ids("orders");
    assert_eq!(ids.len(), 2);
    assert_eq!(found.added.id().unwrap().to_string(), ids[1]);
    fleet.thaw();
    assert_main(patient.add(&message(2)));
    // One that is gone, and another one in its place.
    fleet.replicas[0].kill();
    assert_eq!(lack(short.add(&message(3))).confirmed, Some(0));
    fleet.replicas[0] = replica_of(&fleet.master);
    fleet.wait_until_linked();
    assert_main(patient.add(&message(4)));
    assert_eq!(fleet.length("orders"), 5);
}

#[test]
fn each_message_of_many_has_its_id() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let config = wanting("orders", 1, SHORT).batch_size(2);
    let producer: Producer<RawMessage> =
        manager.create_simple_producer("p", config).unwrap().typed();
    fleet.freeze();
    let messages: Vec<_> = (0..9).map(message).collect();
    let added = producer.add_all(&messages);
    let ids: Vec<_> = added
        .into_iter()
        .map(|added| lack(added).added.id().unwrap().to_string())
        .collect();
    assert_eq!(ids, fleet.ids("orders"));
    // One for each batch.
    assert_eq!(fleet.master.calls("wait"), 1 + 5);
    fleet.thaw();
    wait_until(DEADLINE, "the replica", || {
        producer.add(&message(9)).is_ok()
    });
    let added = producer.add_all(&messages);
    assert!(added.iter().all(Result::is_ok), "{added:?}");
}

#[test]
fn receipts_and_a_flush_tell() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let producer: Producer<RawMessage> = manager
        .create_simple_producer("p", wanting("orders", 1, SHORT))
        .unwrap()
        .typed();
    fleet.freeze();
    let receipts: Vec<Receipt> = (0..5)
        .map(|n| producer.send(&message(n)).unwrap())
        .collect();
    let ids: Vec<_> = receipts
        .into_iter()
        .map(|receipt| lack(receipt.wait()).added.id().unwrap().to_string())
        .collect();
    assert_eq!(ids, fleet.ids("orders"));
    let report = producer.flush(DEADLINE);
    assert_eq!((report.added, report.failed), (0, 5));
    assert!(NotReplicated::of(&report.failures[0].error).is_some());
    fleet.thaw();
    wait_until(DEADLINE, "the replica", || {
        producer.send(&message(5)).unwrap().wait().is_ok()
    });
}

#[test]
fn a_message_in_the_backup_stream_is_waited_for_and_moves_back() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let config = BackupStreamConfig::from(wanting("orders", 1, SHORT)).capacity(1);
    let producer: Producer<RawMessage> =
        manager.create_backup_producer("p", config).unwrap().typed();
    fleet.freeze();
    assert!(matches!(
        lack(producer.add(&message(0))).added,
        Added::Main(_)
    ));
    let found = lack(producer.add(&message(1)));
    assert!(matches!(found.added, Added::Backup(_)));
    let many = producer.add_all(&[message(2), message(3)]);
    assert!(
        many.into_iter()
            .all(|added| matches!(lack(added).added, Added::Backup(_)))
    );
    fleet.thaw();
    wait_until(DEADLINE, "the replica", || {
        producer.add(&message(4)).is_ok()
    });
    // A move asks nobody.
    fleet.freeze();
    let waits = fleet.master.calls("wait");
    fleet
        .master
        .command::<()>(&["XTRIM", "orders", "MAXLEN", "0"]);
    wait_until(DEADLINE, "a move", || fleet.length("orders") > 0);
    assert_eq!(fleet.master.calls("wait"), waits);
}

#[test]
fn no_answer_is_later_than_the_send_timeout() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let send_timeout = Duration::from_secs(2);
    let close = Duration::from_millis(1_999);
    let config = wanting("orders", 1, close)
        .send_timeout(send_timeout)
        .batch_size(1);
    let producer: Producer<RawMessage> =
        manager.create_simple_producer("p", config).unwrap().typed();
    fleet.freeze();
    // Without a count, its answer would have come too late.
    let is_counted = |added| assert_eq!(lack(added).confirmed, Some(0));
    for n in 0..3 {
        is_counted(producer.add(&message(n)));
    }
    let added = producer.add_all(&[message(3), message(4), message(5)]);
    added.into_iter().for_each(is_counted);
}

#[test]
fn nothing_waits_unless_it_is_asked_to() {
    let fleet = Fleet::of(1);
    let manager = fleet.connect();
    let plain = manager
        .create_simple_producer("plain", wanting("plain", 0, Duration::ZERO))
        .unwrap()
        .typed::<RawMessage>();
    let backup = manager
        .create_backup_producer("backup", BackupStreamConfig::new("backup"))
        .unwrap()
        .typed::<RawMessage>();
    for producer in [plain, backup] {
        assert_main(producer.add(&message(0)));
        assert_main(producer.add_with_key(&message(1), "k"));
        assert!(
            producer
                .add_with_key(&message(1), "k")
                .unwrap()
                .is_duplicate()
        );
        assert!(producer.add_all(&[message(2)])[0].is_ok());
        assert_main(producer.send(&message(3)).unwrap().wait());
    }
    assert_eq!(fleet.master.calls("wait"), 0);
    // Each key is written twice: it is tried whether it may be, and it is.
    assert_eq!(fleet.master.calls("set"), 2 * 2);
}

#[test]
fn times_that_do_not_fit_are_refused() {
    let fleet = Fleet::of(0);
    let manager = fleet.connect();
    let config = wanting("orders", 1, PATIENT).send_timeout(PATIENT);
    let error = manager
        .create_simple_producer("p", config.clone())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for words in [
        "`orders`",
        "`replicas` is 20s",
        "`send_timeout`, which is 20s",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let config = BackupStreamConfig::from(config);
    let error = manager.create_backup_producer("p", config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
