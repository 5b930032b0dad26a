//! Limits: heads, bodies, connections, slow clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use stream_ops::serve::Role;
use stream_tests::wait_until;

use crate::support::{Answer, Fixture, LONG, authorization, connect};

#[test]
fn oversized_heads_and_bodies_are_refused() {
    let fixture = Fixture::start(Some(Role::Admin));
    let long = format!("X-Long: {}", "x".repeat(20_000));
    let answer = fixture.ask("GET", "/", &[&long], "");
    assert!(matches!(answer.status, 0 | 431), "{}", answer.status);
    let path = format!("/{}", "x".repeat(20_000));
    assert!(matches!(fixture.get(&path).status, 0 | 414 | 431));
    let short = format!("X-Long: {}", "x".repeat(8_000));
    assert_eq!(fixture.ask("GET", "/", &[&short], "").status, 200);

    let body = format!("do=x&stream={}", "x".repeat(1 << 20));
    let answer = fixture.post("/change", &body);
    assert!(matches!(answer.status, 0 | 413), "{}", answer.status);
    // A body without a length.
    let mut stream = fixture.connect();
    let head = format!(
        "POST /change HTTP/1.1\r\nHost: {}\r\n{}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        fixture.address(),
        authorization()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..40 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    assert!(matches!(Answer::read(&mut stream).status, 0 | 413));
    // The server still serves others.
    assert_eq!(fixture.get("/").status, 200);
}

#[test]
fn dripping_connections_end_and_others_are_served_meanwhile() {
    let fixture = Fixture::start(None);
    let mut dripping: Vec<TcpStream> = (0..100).map(|_| fixture.connect()).collect();
    for stream in &mut dripping {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    }
    let address = fixture.address();
    let ended = std::thread::scope(|scope| {
        let drops = scope.spawn(move || {
            let mut open = dripping;
            // A byte now and then, until each connection was ended.
            let until = Instant::now() + LONG;
            while !open.is_empty() && Instant::now() < until {
                open.retain_mut(|stream| !has_ended(stream));
            }
            open.len()
        });
        while !drops.is_finished() {
            let mut stream = connect(address);
            let request =
                format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            assert_eq!(Answer::read(&mut stream).status, 200);
        }
        drops.join().unwrap()
    });
    assert_eq!(ended, 0, "connections that drip were never ended");
}

/// Sends one more byte. Returns whether the server has closed the connection.
fn has_ended(stream: &mut TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(2)))
        .unwrap();
    if stream.write_all(b"x").is_err() {
        return true;
    }
    match stream.read_exact(&mut [0]) {
        // The end of the connection, or a refusal.
        Ok(()) => true,
        Err(e) => !matches!(
            e.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
    }
}

#[test]
fn a_body_that_drips_is_refused() {
    let fixture = Fixture::start(Some(Role::Admin));
    let mut stream = fixture.connect();
    let head = format!(
        "POST /change HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nx",
        fixture.address()
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert!(matches!(Answer::read(&mut stream).status, 0 | 408));
}

#[test]
fn a_reader_that_does_not_read_is_ended() {
    let fixture = Fixture::start(None);
    let mut stream = fixture.connect();
    // More answers than any buffer holds, and none is read.
    let request = format!(
        "GET /style.css HTTP/1.1\r\nHost: {}\r\n\r\n",
        fixture.address()
    );
    stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut written = 0_u32;
    while stream.write_all(request.as_bytes()).is_ok() && written < 100_000 {
        written += 1;
    }
    assert!(
        written > 10 && written < 100_000,
        "{written} requests were taken"
    );
    // Others are still served, and this connection is ended.
    assert_eq!(fixture.get("/").status, 200);
    wait_until(LONG, "the end of a connection that nobody reads", || {
        let mut probe = stream.try_clone().unwrap();
        matches!(probe.write(b"x"), Err(e) if e.kind() != std::io::ErrorKind::WouldBlock
            && e.kind() != std::io::ErrorKind::TimedOut)
    });
}

#[test]
fn it_stops_within_a_second_whatever_hangs_on_it() {
    let fixture = Fixture::start(None);
    let Fixture { dashboard, server } = fixture;
    let address = dashboard.address();
    let idle: Vec<TcpStream> = (0..20).map(|_| connect(address)).collect();
    let mut half = connect(address);
    half.write_all(b"GET / HT").unwrap();
    // Redis doesn't answer either: the poller waits.
    server.freeze();
    let began = Instant::now();
    dashboard.stop();
    let took = began.elapsed();
    server.thaw();
    // Stopping takes under 1.1 s; a hang takes the 5 s of a connection or longer.
    assert!(took < Duration::from_secs(4), "it took {took:?}");
    drop(idle);
    assert!(
        TcpStream::connect(address).is_err(),
        "somebody still listens"
    );
}
