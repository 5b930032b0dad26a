use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::fake::{Fake, Peer};
use super::{AMPLE, config, eventually};
use crate::connection::deadline::Deadline;
use crate::connection::{LinkHandle, Loans, Topology, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Rounds, Task};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

fn ping(wire: &mut Wire) -> Result<()> {
    wire.send(PING, 1)?;
    wire.receive(AMPLE).map(drop)
}

fn refused(wire: &mut Wire) -> Result<()> {
    ping(wire)?;
    Err(Error::new(ErrorKind::Server, "refused"))
}

/// Two threads of one manager.
fn two(server: &Fake) -> [(Loans, LinkHandle); 2] {
    let topology = Arc::new(Topology::new(&config(server)).unwrap());
    [(); 2].map(|()| {
        let handle = LinkHandle::default();
        let loans = Loans::new(Arc::clone(&topology), "orders", handle.clone());
        (loans, handle)
    })
}

fn answer_all(peer: &mut Peer) {
    while peer.request().is_some() {
        peer.say(b"+PONG\r\n");
    }
}

#[test]
fn end_that_comes_after_an_attempt_leaves_the_connection_alone() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        answer_all(peer);
    });
    let topology = Topology::new(&config(&server).pool_size(1)).unwrap();
    let node = topology.node_for(b"orders").unwrap();
    let handle = LinkHandle::default();
    let mut late = None;
    let lent = handle.attempt(AMPLE, |deadline| {
        late = deadline.interrupt().cloned();
        node.pool().get(deadline)
    });
    late.unwrap().end();
    ping(&mut lent.unwrap()).unwrap();

    // One that comes before counts, and the next user has a connection that works.
    let ended = handle.attempt(AMPLE, |deadline| {
        let lent = node.pool().get(deadline);
        deadline.interrupt().unwrap().end();
        lent
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
    ping(&mut node.pool().get(&mut Deadline::of(AMPLE)).unwrap()).unwrap();
}

#[test]
fn all_share_one_connection_which_a_refusal_leaves_as_it_is() {
    let connections = Arc::new(AtomicUsize::new(0));
    let made = Arc::clone(&connections);
    let server = Fake::tcp(move |peer| {
        made.fetch_add(1, Ordering::SeqCst);
        peer.greet();
        answer_all(peer);
    });
    let [(mut first, _), (mut second, _)] = two(&server);
    assert_eq!(first.epoch(), 0);
    first.run(ping).unwrap();
    second.run(refused).unwrap_err();
    second.failed();
    second.run(ping).unwrap();
    first.run(ping).unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    // The one that has failed notices that it works again.
    assert_eq!((first.epoch(), second.epoch()), (1, 2));
}

#[test]
fn a_stop_ends_the_exchange_of_its_own_and_others_go_on() {
    let (asked, silent) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(true));
    let seen = Arc::clone(&asked);
    let server = Fake::tcp(move |peer| {
        peer.greet();
        if silent.swap(false, Ordering::SeqCst) {
            while peer.request().is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
            }
        } else {
            answer_all(peer);
        }
    });
    let [(mut first, handle), (mut second, _)] = two(&server);
    thread::scope(|scope| {
        let blocked = scope.spawn(|| first.run(ping));
        eventually(|| asked.load(Ordering::SeqCst) == 1);
        let waits = scope.spawn(|| second.run(ping));
        handle.stop();
        assert!(blocked.join().unwrap().is_err());
        waits.join().unwrap().unwrap();
    });
    first.run(ping).unwrap();
    // It reaches nothing that it isn't lent.
    handle.end();
    second.run(ping).unwrap();
    assert_eq!(second.epoch(), 1);
    assert_eq!(first.run(ping).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn one_that_stops_leaves_the_line_and_the_exchange_before_it_goes_on() {
    let (asked, go) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (seen, may_go) = (Arc::clone(&asked), Arc::clone(&go));
    let server = Fake::tcp(move |peer| {
        peer.greet();
        while peer.request().is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
            eventually(|| may_go.load(Ordering::SeqCst));
            peer.say(b"+PONG\r\n");
        }
    });
    let [(mut first, _), (mut second, handle)] = two(&server);
    thread::scope(|scope| {
        let under_way = scope.spawn(|| first.run(ping));
        eventually(|| asked.load(Ordering::SeqCst) == 1);
        let waits = scope.spawn(|| second.run(ping));
        handle.hold_off();
        let left = waits.join().unwrap();
        go.store(true, Ordering::SeqCst);
        under_way.join().unwrap().unwrap();
        assert!(left.is_err());
    });
    // The connection may still be used.
    second.run(ping).unwrap();
}

#[test]
fn a_connection_that_was_closed_while_it_rested_is_no_failure() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        if peer.request().is_some() {
            peer.say(b"+PONG\r\n");
        }
    });
    let [(mut loans, _), _] = two(&server);
    for _ in 0..3 {
        loans.run(ping).unwrap();
        let begin = Instant::now();
        eventually(|| begin.elapsed() > Duration::from_millis(20));
    }
    assert_eq!(loans.epoch(), 1);
}

#[test]
fn an_interrupt_ends_the_wait_for_a_pooled_connection() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        answer_all(peer);
    });
    let topology = Topology::new(&config(&server).pool_size(1)).unwrap();
    let topology = Arc::new(topology);
    let taken = topology.pooled(b"orders", AMPLE).unwrap();
    let handle = LinkHandle::default();
    let mut loans = Loans::new(topology, "orders", handle.clone());
    thread::scope(|scope| {
        let waits = scope.spawn(|| loans.run_pooled(ping));
        handle.hold_off();
        assert!(waits.join().unwrap().is_err());
    });
    handle.resume(Instant::now() + AMPLE);
    drop(taken);
    loans.run_pooled(ping).unwrap();
}

/// Runs on a thread that others wait for.
struct Renewing {
    loans: Loans,
    done: mpsc::Sender<Result<()>>,
    is_over: bool,
}

impl Task for Renewing {
    fn tend(&mut self) {
        if !mem::replace(&mut self.is_over, true) {
            let answered = self.loans.run(|wire| {
                wire.send(PING, 1)?;
                let time = wire.response_timeout();
                wire.receive(time).map(drop)
            });
            let _ = self.done.send(answered);
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        (!self.is_over).then(Instant::now)
    }
}

#[test]
fn one_member_alone_waits_for_a_server_that_does_not_answer() {
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let server = Fake::tcp_at_once(move |peer| {
        peer.greet();
        while peer.request().is_some() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let config = config(&server).response_timeout(Duration::from_secs(1));
    let topology = Arc::new(Topology::new(&config).unwrap());
    let rounds = Rounds::new("test rounds");
    let (done, ended) = mpsc::channel();
    for _ in 0..5 {
        let loans = Loans::new(Arc::clone(&topology), "orders", LinkHandle::default());
        let task = Renewing {
            loans,
            done: done.clone(),
            is_over: false,
        };
        rounds.add(task, &rounds.bell()).unwrap();
    }
    for _ in 0..5 {
        ended.recv().unwrap().unwrap_err();
    }
    // A machine that is busy for so long makes another one wait, but not all.
    assert!(asked.load(Ordering::SeqCst) < 5);
}
