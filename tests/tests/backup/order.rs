//! The order of each producer, on every route of its messages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stream_lib::{Added, Producer, RawMessage};
use stream_tests::Server;

use crate::{
    BACKUP, Rig, STREAM, connect, length, make_group, message, numbers, quick, wait_for_length,
};

const THREADS: usize = 6;
const EACH: usize = 400;

/// Many threads with producers in several managers, single messages and
/// batches, a group that keeps up only now and then.
#[test]
fn each_producers_order_is_kept_across_stream_and_backup() {
    let server = Server::start().unwrap();
    make_group(&server);
    let rig = Rig::on(server, quick(30));
    let other = connect(&rig.server);
    other
        .create_backup_producer("p", quick(30).transfer_batch_size(3))
        .unwrap();
    let done = AtomicBool::new(false);
    let went_to_backup = thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut consumed = 0;
            while !done.load(Ordering::SeqCst) || consumed < THREADS * EACH {
                consumed += rig.consume(25);
            }
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let manager = [&rig.manager, &other][number % 2];
                let producer = manager.producer("p").unwrap();
                scope.spawn(move || add_all(&producer, number))
            })
            .collect();
        let backup: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        done.store(true, Ordering::SeqCst);
        consumer.join().unwrap();
        backup
    });
    assert!(went_to_backup > 0, "nothing was put to the test");
    wait_for_length(&rig.server, BACKUP, 0);
    assert_eq!(length(&rig.server, STREAM), THREADS * EACH);
    let all = numbers(&rig.server, STREAM);
    for number in 0..THREADS {
        let first = number * EACH;
        let own: Vec<_> = all
            .iter()
            .copied()
            .filter(|n| (first..first + EACH).contains(n))
            .collect();
        assert_eq!(own, (first..first + EACH).collect::<Vec<_>>());
    }
}

/// Adds a thread's share; returns how many went to the backup stream.
fn add_all(producer: &Producer<RawMessage>, number: usize) -> usize {
    let mut backup = 0;
    let mut next = number * EACH;
    let end = next + EACH;
    let mut size = 1;
    while next < end {
        let until = (next + size).min(end);
        let messages: Vec<_> = (next..until).map(message).collect();
        for added in producer.add_all(&messages) {
            backup += usize::from(matches!(added.unwrap(), Added::Backup(_)));
        }
        next = until;
        size = size % 17 + number + 1;
    }
    backup
}
