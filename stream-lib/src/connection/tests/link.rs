use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::fake::Fake;
use super::{AMPLE, config, eventually};
use crate::connection::{Link, LinkHandle, Topology, Wire};
use crate::error::{Error, ErrorKind, Result};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn ping(wire: &mut Wire) -> Result<()> {
    wire.send(PING, 1)?;
    wire.receive(AMPLE).map(drop)
}

/// A server that answers, and a link to it.
fn linked(handle: &LinkHandle) -> (Fake, Link) {
    let server = Fake::tcp(|peer| {
        peer.greet();
        while peer.request().is_some() {
            peer.say(b"+PONG\r\n");
        }
    });
    let topology = Arc::new(Topology::new(&config(&server)).unwrap());
    let link = Link::new(topology, "orders", handle.clone());
    (server, link)
}

#[test]
fn a_link_keeps_its_connection_until_an_operation_fails() {
    let handle = LinkHandle::default();
    let (_server, mut link) = linked(&handle);
    assert_eq!((link.epoch(), handle.client().map(|(_, id)| id)), (0, None));
    link.run(ping).unwrap();
    link.run(ping).unwrap();
    assert_eq!(
        (link.epoch(), handle.client().map(|(_, id)| id)),
        (1, Some(7))
    );
    let refused = link.run(|_| Err::<(), _>(Error::new(ErrorKind::Server, "refused")));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Server);
    assert!(link.live_wire().is_none(), "it was given up");
    link.run(ping).unwrap();
    assert_eq!(link.epoch(), 2);
}

#[test]
fn a_connection_that_has_broken_is_made_again() {
    let (_server, mut link) = linked(&LinkHandle::default());
    link.wire().unwrap().abandon("odd");
    assert!(link.live_wire().is_none());
    ping(link.wire().unwrap()).unwrap();
    assert_eq!(link.epoch(), 2);
}

#[test]
fn the_handle_ends_a_blocked_call_on_the_latest_connection() {
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let server = Fake::tcp(move |peer| {
        peer.greet();
        while peer.request().is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let topology = Arc::new(Topology::new(&config(&server)).unwrap());
    let handle = LinkHandle::default();
    let mut link = Link::new(topology, "orders", handle.clone());
    link.wire().unwrap();
    link.drop_wire();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| link.run(ping));
        eventually(|| asked.load(Ordering::SeqCst) == 1);
        handle.stop();
        assert!(blocked.join().unwrap().is_err());
    });
}

#[test]
fn a_connection_that_was_closed_while_it_rested_is_no_failure() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        if peer.request().is_some() {
            peer.say(b"+PONG\r\n");
        }
    });
    let topology = Arc::new(Topology::new(&config(&server)).unwrap());
    let mut link = Link::new(topology, "orders", LinkHandle::default());
    for _ in 0..3 {
        link.run(ping).unwrap();
        let begin = Instant::now();
        eventually(|| begin.elapsed() > Duration::from_millis(20));
    }
    assert_eq!(link.epoch(), 1);
}
