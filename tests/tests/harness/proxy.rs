//! The proxy: each fault as a client sees it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stream_tests::{Direction, Proxy, Server, wait_until};

use crate::DEADLINE;

const PING: &[u8] = b"PING\r\n";
const PONG: &[u8] = b"+PONG\r\n";
/// Long enough that bytes which were let through would have come.
const SILENCE: Duration = Duration::from_millis(100);

/// A client by hand: what it reads is what came.
struct Client(TcpStream);

impl Client {
    fn of(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[track_caller]
    fn ping(&mut self) {
        self.send(PING);
        assert_eq!(self.read(PONG.len()), PONG);
    }

    /// All bytes until the connection ends, and whether it ended by a reset.
    fn read_to_end(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => (bytes, false),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => (bytes, true),
            Err(e) => panic!("{e}"),
        }
    }

    #[track_caller]
    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let silence = self.0.read(&mut [0]).unwrap_err();
        assert!(
            matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{silence}"
        );
        self.0.set_read_timeout(Some(DEADLINE)).unwrap();
    }
}

fn server_and_proxy() -> (Server, Proxy) {
    let server = Server::start().unwrap();
    let proxy = Proxy::in_front_of(&server);
    (server, proxy)
}

#[test]
fn bytes_pass_unchanged_and_are_counted() {
    let (server, proxy) = server_and_proxy();
    let url = server.url_at(proxy.port());
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let value: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    proxy.reset_traffic();
    let _: () = redis::cmd("SET")
        .arg("big")
        .arg(&value)
        .query(&mut connection)
        .unwrap();
    let back: Vec<u8> = redis::cmd("GET").arg("big").query(&mut connection).unwrap();
    assert!(back == value, "the value has changed on its way");
    let traffic = proxy.traffic();
    assert_eq!(traffic.round_trips, 2);
    assert!(traffic.request_bytes > 3_000_000 && traffic.reply_bytes > 3_000_000);
    assert_eq!(traffic.connections, 0);
    assert_eq!(proxy.open_connections(), 1);
}

#[test]
fn a_pipeline_is_one_round_trip_and_single_commands_are_many() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.send(&PING.repeat(5));
    client.read(PONG.len() * 5);
    assert_eq!(proxy.traffic().round_trips, 1);
    for _ in 0..5 {
        client.ping();
    }
    assert_eq!(proxy.traffic().round_trips, 6);
    assert_eq!(proxy.traffic().connections, 1);
    assert_eq!(proxy.traffic().request_bytes, 60);
    assert_eq!(proxy.traffic().reply_bytes, 70);
}

#[test]
fn a_delayed_direction_is_late() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    let by = Duration::from_millis(150);
    for direction in [Direction::Requests, Direction::Replies] {
        proxy.delay(direction, by);
        let sent = Instant::now();
        client.ping();
        // A lower bound, which no load can break.
        assert!(sent.elapsed() >= by, "{direction:?}");
        proxy.pass();
    }
}

#[test]
fn held_bytes_arrive_when_the_proxy_passes_again() {
    let (server, proxy) = server_and_proxy();
    for direction in [Direction::Requests, Direction::Replies] {
        let mut client = Client::of(&proxy);
        proxy.hold(direction);
        client.send(b"SET a 1\r\n");
        if direction == Direction::Replies {
            wait_until(DEADLINE, "the request at the server", || {
                server.calls("SET") == 1
            });
        }
        client.hears_nothing();
        if direction == Direction::Requests {
            assert_eq!(server.calls("SET"), 0);
        }
        proxy.pass();
        assert_eq!(client.read(5), b"+OK\r\n", "{direction:?}");
        server.command::<()>(&["CONFIG", "RESETSTAT"]);
    }
}

#[test]
fn the_end_of_a_held_connection_is_passed_on_later() {
    let (server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    proxy.hold(Direction::Requests);
    client.send(b"SET a 1\r\n");
    drop(client);
    proxy.pass();
    wait_until(DEADLINE, "the last request and the end", || {
        server.calls("SET") == 1 && proxy.open_connections() == 0
    });
}

#[test]
fn swallowed_replies_belong_to_requests_that_were_carried_out() {
    let (server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    proxy.swallow(Direction::Replies);
    client.send(b"SET a 1\r\n");
    wait_until(DEADLINE, "the swallowed reply", || {
        proxy.traffic().reply_bytes == 5
    });
    client.hears_nothing();
    assert_eq!(server.command::<u64>(&["GET", "a"]), 1);
    proxy.pass();
    client.ping();
}

#[test]
fn a_black_hole_takes_everything_and_answers_nothing() {
    let (server, proxy) = server_and_proxy();
    proxy.black_hole();
    let mut client = Client::of(&proxy);
    client.send(b"SET a 1\r\n");
    wait_until(DEADLINE, "the swallowed request", || {
        proxy.traffic().request_bytes == 9
    });
    client.hears_nothing();
    assert_eq!(server.calls("SET"), 0);
    proxy.pass();
    client.ping();
}

#[test]
fn a_cut_resets_the_connections_there_are_and_no_new_ones() {
    let (_server, proxy) = server_and_proxy();
    let mut clients = [Client::of(&proxy), Client::of(&proxy)];
    clients.iter_mut().for_each(Client::ping);
    proxy.cut();
    assert_eq!(proxy.open_connections(), 0);
    for client in &mut clients {
        assert_eq!(client.read_to_end(), (Vec::new(), true));
    }
    Client::of(&proxy).ping();
}

#[test]
fn a_close_ends_connections_in_order() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    proxy.close();
    assert_eq!(client.read_to_end(), (Vec::new(), false));
    Client::of(&proxy).ping();
}

#[test]
fn half_closed_replies_end_while_requests_still_arrive() {
    let (server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    proxy.half_close(Direction::Replies);
    assert_eq!(client.read_to_end(), (Vec::new(), false));
    client.send(b"SET a 1\r\n");
    wait_until(DEADLINE, "the request", || server.calls("SET") == 1);
}

#[test]
fn half_closed_requests_end_the_session_at_the_server() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    proxy.half_close(Direction::Requests);
    // The server sees the end of its client, and closes.
    assert_eq!(client.read_to_end(), (Vec::new(), false));
}

#[test]
fn a_cut_after_some_bytes_of_a_reply_lets_exactly_those_through() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    proxy.cut_after(Direction::Replies, 9);
    client.send(&PING.repeat(3));
    let (bytes, reset) = client.read_to_end();
    assert!(reset);
    assert_eq!(bytes, b"+PONG\r\n+P");
    // It strikes once.
    let mut next = Client::of(&proxy);
    for _ in 0..5 {
        next.ping();
    }
}

#[test]
fn a_cut_within_a_request_keeps_it_from_being_carried_out() {
    let (server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    proxy.cut_after(Direction::Requests, 5);
    client.send(b"SET a 1\r\n");
    assert!(client.read_to_end().1);
    assert_eq!(server.command::<u64>(&["EXISTS", "a"]), 0);
}

#[test]
fn a_trickle_comes_in_small_pieces() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    let gap = Duration::from_millis(10);
    proxy.trickle(Direction::Replies, 2, gap);
    let sent = Instant::now();
    client.send(&PING.repeat(3));
    assert_eq!(client.read(21), PONG.repeat(3));
    // 21 bytes by twos are 11 pieces with 10 gaps: a lower bound.
    assert!(sent.elapsed() >= gap * 10);
}

#[test]
fn refused_connections_are_reset_until_the_proxy_passes_again() {
    let (_server, proxy) = server_and_proxy();
    let mut old = Client::of(&proxy);
    old.ping();
    proxy.refuse();
    assert!(Client::of(&proxy).read_to_end().1);
    old.ping();
    proxy.pass();
    Client::of(&proxy).ping();
}

#[test]
fn a_server_that_is_down_refuses_through_the_proxy_until_it_is_back() {
    let (server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    server.kill();
    assert_eq!(client.read_to_end().0, b"");
    assert!(Client::of(&proxy).read_to_end().1);
    server.restart();
    Client::of(&proxy).ping();
}

#[test]
fn a_dropped_proxy_takes_its_connections_along() {
    let (_server, proxy) = server_and_proxy();
    let mut client = Client::of(&proxy);
    client.ping();
    let address = proxy.address();
    drop(proxy);
    assert_eq!(client.read_to_end().0, b"");
    assert!(TcpStream::connect(address).is_err());
}
