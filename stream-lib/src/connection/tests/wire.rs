use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::fake::{Fake, Peer};
use super::{AMPLE, SHORT, config, connect, eventually, shown, try_endpoint};
use crate::connection::Wire;
use crate::connection::scan::Limits;
use crate::error::ErrorKind;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// A server that greets, reads one request and then follows the script.
fn after_a_request(mut script: impl FnMut(&mut Peer) + Send + 'static) -> Fake {
    Fake::tcp(move |peer| {
        peer.greet();
        if peer.request().is_some() {
            script(peer);
        }
    })
}

#[test]
fn replies_cut_anywhere_arrive_whole() {
    const REPLY: &[u8] = b"*3\r\n$5\r\nab\r\nc\r\n:12\r\n*2\r\n+OK\r\n$-1\r\n";
    let server = Fake::tcp(|peer| {
        peer.greet();
        for cut in 0..=REPLY.len() {
            peer.request().unwrap();
            peer.say(&REPLY[..cut]);
            // Most likely the client has read each piece before the next.
            let rest = &REPLY[cut..];
            let next = rest.len().min(1);
            peer.trickle(&rest[..next], Duration::from_millis(1));
            peer.say(&rest[next..]);
        }
    });
    let mut wire = connect(&config(&server)).unwrap();
    for _ in 0..=REPLY.len() {
        wire.send(PING, 1).unwrap();
        let reply = wire.receive(AMPLE).unwrap();
        assert_eq!(reply.bytes(), REPLY);
        assert_eq!(reply.elements().count(), 3);
        assert_eq!(
            reply.elements().next().unwrap().text(),
            Some(&b"ab\r\nc"[..])
        );
    }
}

#[test]
fn replies_beyond_the_deadline_break_the_connection_for_good() {
    let server = after_a_request(Peer::until_hangup);
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 1).unwrap();
    let error = wire.receive(SHORT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("did not answer within 60ms"),
        "{error}"
    );
    assert!(wire.is_broken() && wire.is_stale());
    assert_eq!(wire.outstanding(), 1);
    let again = wire.receive(AMPLE).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::OutcomeUnknown);
    let unsent = wire.send(PING, 1).unwrap_err();
    assert_eq!(unsent.kind(), ErrorKind::Unavailable);
    assert!(unsent.to_string().contains("did not answer"), "{unsent}");
}

#[test]
fn a_reply_that_is_late_may_be_waited_for_again() {
    let (answer, cue) = mpsc::channel();
    let server = after_a_request(move |peer| {
        if cue.recv().is_ok() {
            peer.say(b"+PONG\r\n");
        }
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 1).unwrap();
    for _ in 0..3 {
        assert!(!wire.reply_begins(SHORT).unwrap());
        assert!(!wire.is_broken());
    }
    answer.send(()).unwrap();
    assert!(wire.reply_begins(AMPLE).unwrap());
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"PONG"[..]));
    drop(server);
    assert!(wire.send(PING, 1).is_err() || wire.reply_begins(AMPLE).is_err());
}

#[test]
fn a_trickling_server_can_not_stretch_the_deadline() {
    let server = after_a_request(|peer| {
        let mut reply = b"$20000\r\n".to_vec();
        reply.resize(reply.len() + 20_000, b'x');
        peer.trickle(&reply, Duration::from_millis(5));
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 1).unwrap();
    let error = wire.receive(SHORT * 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(wire.is_broken());
}

#[test]
fn a_large_reply_may_take_as_long_as_its_bytes_come() {
    let server = after_a_request(|peer| {
        peer.say(format!("${}\r\n", 48 << 14).as_bytes());
        for _ in 0..48 {
            peer.say(&vec![b'x'; 1 << 14]);
            peer.rest(SHORT / 2);
        }
        peer.say(b"\r\n");
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 1).unwrap();
    let began = Instant::now();
    let reply = wire.receive_owned(SHORT * 20).unwrap();
    assert_eq!(reply.as_ref().text().map(<[u8]>::len), Some(48 << 14));
    assert!(began.elapsed() > SHORT * 20, "longer than any pause may be");
}

#[test]
fn no_bytes_stretch_the_time_by_which_all_is_to_be_answered() {
    let server = after_a_request(|peer| {
        peer.say(format!("${}\r\n", 64 << 20).as_bytes());
        for _ in 0..1_000 {
            peer.say(&vec![b'x'; 64 << 10]);
            peer.rest(SHORT / 2);
        }
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.answer_by(Instant::now() + SHORT * 4);
    wire.send(PING, 1).unwrap();
    let error = wire.receive_owned(AMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[test]
fn garbage_breaks_the_connection() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"*1\r\n$zz\r\n",
        b"$3\r\nabcd\r\n",
    ] {
        let server = after_a_request(|peer| {
            peer.say(garbage);
            peer.until_hangup();
        });
        let mut wire = connect(&config(&server)).unwrap();
        wire.send(PING, 1).unwrap();
        let error = wire.receive(AMPLE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(wire.is_broken());
        assert_eq!(
            wire.receive(AMPLE).unwrap_err().kind(),
            ErrorKind::OutcomeUnknown
        );
    }
}

#[test]
fn oversized_replies_break_the_connection() {
    let limits = Limits {
        bulk: 100,
        reply: 300,
        ..Limits::DEFAULT
    };
    for reply in [
        "$101\r\n".to_owned(),
        format!("*9\r\n{}", "$9\r\n123456789\r\n".repeat(30)),
    ] {
        let server = after_a_request(move |peer| {
            peer.say(reply.as_bytes());
            peer.until_hangup();
        });
        let endpoint = try_endpoint(&config(&server)).unwrap().with_limits(Limits {
            reply: 100,
            ..limits
        });
        let mut wire = Wire::connect(&endpoint.into(), AMPLE).unwrap();
        wire.send(PING, 1).unwrap();
        let error = wire.receive(AMPLE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(shown(&error).contains("too long"), "{}", shown(&error));
    }
}

#[test]
fn a_server_that_closes_within_a_reply_leaves_the_outcome_unknown() {
    let server = after_a_request(|peer| peer.say(b"$5\r\nab"));
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 1).unwrap();
    let error = wire.receive(AMPLE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("closed the connection"),
        "{error}"
    );
    assert!(wire.is_broken());
}

#[test]
fn several_requests_are_in_flight_and_answered_in_order() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        for _ in 0..5 {
            peer.request().unwrap();
        }
        peer.say(b":1\r\n:2\r\n-OOM no\r\n:4\r\n:5");
        peer.say(b"\r\n");
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(&PING.repeat(3), 3).unwrap();
    wire.send(&PING.repeat(2), 2).unwrap();
    assert_eq!(wire.outstanding(), 5);
    assert_eq!(wire.receive(AMPLE).unwrap().int(), Some(1));
    assert_eq!(wire.receive_owned(AMPLE).unwrap().as_ref().int(), Some(2));
    assert_eq!(wire.outstanding(), 3);
    assert_eq!(wire.receive(AMPLE).unwrap().error(), Some(&b"OOM no"[..]));
    assert_eq!(wire.receive(AMPLE).unwrap().int(), Some(4));
    assert_eq!(wire.receive_owned(AMPLE).unwrap().bytes, b":5\r\n");
    assert_eq!(wire.outstanding(), 0);
    assert!(!wire.is_broken() && !wire.is_stale());
    assert_eq!(wire.receive(AMPLE).unwrap_err().kind(), ErrorKind::Protocol);
    assert!(!wire.is_broken());
}

#[test]
fn the_next_request_goes_out_while_a_reply_has_only_begun() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        peer.request().unwrap();
        peer.say(b"$3\r\n");
        // Without the second request, the first is never answered.
        peer.request().unwrap();
        peer.say(b"one\r\n$3\r\ntwo\r\n");
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    let nothing = wire.await_reply(SHORT).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Protocol);
    wire.send(PING, 1).unwrap();
    wire.await_reply(AMPLE).unwrap();
    assert_eq!(wire.outstanding(), 1);
    wire.send(PING, 1).unwrap();
    for text in ["one", "two"] {
        wire.await_reply(AMPLE).unwrap();
        let reply = wire.receive(AMPLE).unwrap();
        assert_eq!(reply.text(), Some(text.as_bytes()));
    }
    let late = {
        wire.send(PING, 1).unwrap();
        wire.await_reply(SHORT).unwrap_err()
    };
    assert_eq!(late.kind(), ErrorKind::OutcomeUnknown);
    assert!(wire.is_broken());
}

#[test]
fn large_replies_come_whole_and_leave_the_next_one_intact() {
    let server = after_a_request(|peer| {
        let body = vec![b'x'; 10 << 20];
        for _ in 0..2 {
            peer.say(format!("*2\r\n:1\r\n${}\r\n", body.len()).as_bytes());
            peer.say(&body);
            peer.say(b"\r\n:2\r\n");
        }
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(PING, 4).unwrap();
    let large = wire.receive_owned(AMPLE).unwrap();
    let body = large.as_ref().elements().nth(1).unwrap().text().unwrap();
    assert!(body.len() == 10 << 20 && body.iter().all(|b| *b == b'x'));
    assert_eq!(wire.receive(AMPLE).unwrap().int(), Some(2));
    assert_eq!(wire.receive(AMPLE).unwrap().bytes(), large.bytes);
    assert_eq!(wire.receive_owned(AMPLE).unwrap().as_ref().int(), Some(2));
}

#[test]
fn a_request_that_goes_out_half_leaves_the_outcome_unknown() {
    let (release, released) = mpsc::channel::<()>();
    let server = Fake::tcp(move |peer| {
        peer.greet();
        // Reads nothing until the client has given up.
        let _ = released.recv_timeout(AMPLE);
    });
    let config = config(&server)
        .connect_timeout(AMPLE)
        .response_timeout(SHORT);
    let mut wire = connect(&config).unwrap();
    let error = wire.send(&vec![b'x'; 64 << 20], 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("did not accept a request"),
        "{error}"
    );
    assert!(wire.is_broken());
    drop(release);
}

#[test]
fn a_request_of_which_no_byte_went_out_is_known_not_to_have_run() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        peer.reset();
    });
    let mut wire = connect(&config(&server)).unwrap();
    eventually(|| wire.is_stale());
    let error = wire.send(PING, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(wire.is_broken());
    assert_eq!(wire.outstanding(), 0);
}

#[test]
fn bytes_nobody_asked_for_are_noticed_before_the_next_request() {
    let (tell, told) = mpsc::channel();
    let server = after_a_request(move |peer| {
        peer.say(b"+OK\r\n+MORE\r\n");
        tell.send(()).unwrap();
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    assert!(!wire.is_stale());
    wire.send(PING, 1).unwrap();
    told.recv_timeout(AMPLE).unwrap();
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"OK"[..]));
    assert!(wire.is_stale());
    let error = wire.send(PING, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("nobody asked for"), "{error}");
}

#[test]
fn a_blocked_read_is_stopped_from_another_thread() {
    let (tell, told) = mpsc::channel();
    let server = after_a_request(move |peer| {
        tell.send(()).unwrap();
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    let stopper = wire.stopper();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            told.recv_timeout(AMPLE).unwrap();
            stopper.clone().stop();
        });
        wire.send(PING, 1).unwrap();
        let error = wire.receive(AMPLE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
        assert!(!error.to_string().contains("within"), "{error}");
    });
    assert!(wire.is_broken());
    wire.stopper().stop();
}

#[test]
fn an_abandoned_connection_gives_the_reason() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.abandon("the server became a replica");
    let error = wire.send(PING, 1).unwrap_err();
    assert!(error.to_string().contains("became a replica"), "{error}");
}

#[test]
fn what_the_server_said_before_it_closed_is_read_after_a_failed_write() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        peer.say(b"+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
        peer.reset();
    });
    let mut wire = connect(&config(&server)).unwrap();
    // More than the buffers of a connection have room for.
    let large = vec![b'x'; 64 << 20];
    // Nothing of it, or a part, goes out.
    if let Err(e) = wire.send(&large, 2) {
        return assert_eq!(e.kind(), ErrorKind::Unavailable);
    }
    assert!(wire.is_broken());
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"OK"[..]));
    assert!(wire.receive(AMPLE).unwrap().is_error());
}

#[test]
fn requests_behind_one_at_which_the_server_closed_have_not_run() {
    let server = after_a_request(|peer| {
        peer.say(b"+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(&PING.repeat(4), 4).unwrap();
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"OK"[..]));
    assert!(wire.receive(AMPLE).unwrap().is_error());
    for _ in 0..2 {
        let error = wire.receive(AMPLE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("Protocol error"), "{error}");
    }
}

#[test]
fn nothing_is_sent_to_a_server_that_became_a_replica() {
    let server = after_a_request(|peer| {
        peer.say(b"-READONLY You can't write\r\n+OK\r\n");
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    wire.send(&PING.repeat(2), 2).unwrap();
    assert!(wire.receive(AMPLE).unwrap().is_error());
    assert!(wire.is_broken() && wire.is_outdated());
    assert_eq!(wire.receive(AMPLE).unwrap().text(), Some(&b"OK"[..]));
    let error = wire.send(PING, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("READONLY"), "{error}");
}
