use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::fake::Fake;
use super::{AMPLE, SHORT, config, endpoint, eventually, shown};
use crate::config::ConnectionConfig;
use crate::connection::deadline::Deadline;
use crate::connection::pool::{Pool, scheduler};
use crate::connection::{PooledWire, Topology};
use crate::error::{ErrorKind, Result};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Answers PING on one connection after the other, and counts them.
fn counting() -> (Fake, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let server = Fake::tcp(move |peer| {
        seen.fetch_add(1, Ordering::SeqCst);
        peer.greet();
        while let Some(request) = peer.request() {
            match request[0].as_str() {
                "PING" => peer.say(b"+PONG\r\n"),
                _ => return,
            }
        }
    });
    (server, count)
}

/// The connections to one server, as callers get them.
struct Lender(Topology);

impl Lender {
    fn get(&self, timeout: Duration) -> Result<PooledWire> {
        self.0.pooled(b"orders", timeout)
    }
}

fn pool(config: &ConnectionConfig) -> Lender {
    Lender(Topology::new(config).unwrap())
}

#[test]
fn connections_are_used_again_and_nothing_is_asked_at_checkout() {
    let (server, connections) = counting();
    let pool = pool(&config(&server));
    for _ in 0..20 {
        let mut wire = pool.get(AMPLE).unwrap();
        wire.send(PING, 1).unwrap();
        assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_connection_that_owes_replies_or_is_broken_is_not_lent_again() {
    let (server, connections) = counting();
    let pool = pool(&config(&server).pool_size(1));
    pool.get(AMPLE).unwrap().send(PING, 1).unwrap();
    pool.get(AMPLE).unwrap().abandon("a test");
    drop(pool.get(AMPLE).unwrap());
    drop(pool.get(AMPLE).unwrap());
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[test]
fn a_connection_closed_while_idle_is_replaced_at_checkout() {
    let (server, connections) = counting();
    let pool = pool(&config(&server).pool_size(1));
    let mut wire = pool.get(AMPLE).unwrap();
    wire.send(b"*1\r\n$4\r\nQUIT\r\n", 0).unwrap();
    eventually(|| wire.is_stale());
    drop(wire);
    // Longer than what was in use a moment ago is trusted.
    let back = Instant::now();
    eventually(|| back.elapsed() > Duration::from_millis(1));
    let mut wire = pool.get(AMPLE).unwrap();
    wire.send(PING, 1).unwrap();
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn a_full_pool_says_so() {
    let (server, _) = counting();
    let pool = pool(&config(&server).pool_size(1));
    let held = pool.get(AMPLE).unwrap();
    let error = pool.get(SHORT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("pool_size"), "{error}");
    drop(held);
    pool.get(AMPLE).unwrap();
}

#[test]
fn a_broken_connection_makes_room_for_those_who_wait() {
    let (server, _) = counting();
    let pool = pool(&config(&server).pool_size(1));
    let mut held = pool.get(AMPLE).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pool.get(AMPLE).map(drop));
        // As long as this takes, the other one has time to fall asleep.
        assert!(pool.get(SHORT).is_err());
        held.abandon("a test");
        drop(held);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_wrong_password_fails_at_once_and_keeps_its_kind() {
    let (tell, told) = mpsc::channel();
    let server = Fake::tcp(move |peer| {
        tell.send(()).unwrap();
        peer.request();
        peer.say(b"-WRONGPASS invalid username-password pair\r\n");
        peer.until_hangup();
    });
    let config = ConnectionConfig::new(server.url_as("redis", ":hunter2@")).unwrap();
    let error = pool(&config).get(AMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(!shown(&error).contains("hunter2"));
    assert_eq!(told.try_iter().count(), 1, "it tried again");
}

#[test]
fn an_unreachable_server_is_tried_until_the_time_is_up() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = ConnectionConfig::new(format!("redis://{free}")).unwrap();
    let pool = pool(&config.pool_size(1));
    let error = pool.get(SHORT * 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&free.to_string()), "{error}");
    std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let listener = TcpListener::bind(free).unwrap();
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut stream, b":1\r\n").unwrap();
            stream
        });
        pool.get(AMPLE).unwrap();
        server.join().unwrap();
    });
}

#[test]
fn those_who_wait_for_a_place_learn_why_the_server_is_away() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = ConnectionConfig::new(format!("redis://{free}")).unwrap();
    let pool = pool(&config.pool_size(1));
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| pool.get(SHORT * 10));
        eventually(|| {
            pool.get(Duration::ZERO)
                .is_err_and(|e| e.to_string().contains("can't connect"))
        });
        assert!(holder.join().unwrap().is_err());
    });
}

#[test]
fn closing_wakes_those_who_wait() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = ConnectionConfig::new(format!("redis://{free}")).unwrap();
    let topology = Topology::new(&config).unwrap();
    topology.refresh();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| topology.pooled(b"orders", AMPLE));
        topology.close();
        assert_eq!(
            waiting.join().unwrap().unwrap_err().kind(),
            ErrorKind::Closed
        );
    });
}

#[test]
fn a_topology_lends_and_opens_connections() {
    let (server, connections) = counting();
    let topology = Topology::new(&config(&server)).unwrap();
    let lent = topology.pooled(b"orders", AMPLE).unwrap();
    assert_eq!(lent.client_id(), Some(7));
    drop(lent);
    // The server answers on one connection after the other.
    topology.close();
    let alone = topology.dedicated(b"orders").unwrap();
    assert!(!alone.is_stale());
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn bad_configuration_is_refused_before_anything_is_built() {
    let config = ConnectionConfig::new("redis://h").unwrap().pool_size(0);
    let error = Topology::new(&config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn dropping_a_pool_ends_its_thread() {
    /// Tells when its thread has ended.
    struct Farewell(mpsc::Sender<()>);
    impl Drop for Farewell {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    thread_local! {
        static FAREWELL: std::cell::RefCell<Option<Farewell>> = const { std::cell::RefCell::new(None) };
    }

    let (server, _) = counting();
    let scheduler = scheduler().unwrap();
    let (tell, told) = mpsc::channel();
    scheduler.execute(move || FAREWELL.set(Some(Farewell(tell))));
    // A job that is due much later must not keep the thread.
    scheduler.execute_after(Duration::from_secs(3_600), || {});
    let pool = Pool::new(endpoint(&config(&server)), 4, scheduler);
    drop(pool.get(&mut Deadline::of(AMPLE)).unwrap());
    drop(pool);
    assert_eq!(told.recv_timeout(AMPLE), Ok(()));
}
